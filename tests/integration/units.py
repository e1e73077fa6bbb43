#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The installed units: systemd finds nothing wrong with them, and the commands of rubricd-ledger.service, run one after the other as
systemd would, export signed heads, verify them, and stop at a ledger that was changed."""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from rubricd_testing import Daemon, Receiver, make_config, make_course, programs, rubric, store, wait_until, write  # noqa: E402


def install(root):
    """As `./dev install`, into another root; the folder of the units."""
    done = subprocess.run(["cmake", "--install", str(programs().parent)], capture_output=True, text=True,
                          env={**os.environ, "DESTDIR": str(root)})
    assert done.returncode == 0, done.stderr
    [service] = pathlib.Path(root).rglob("rubricd.service")
    return service.parent


def verify(units):
    if not shutil.which("systemd-analyze"):
        print("units: systemd-analyze is not here: the units are not verified")
        return
    files = sorted(str(path) for path in units.iterdir())
    assert len(files) >= 4, files
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def point_at(units, root):
    """Units name the programs where they will be in the end: here that is below the other root."""
    for path in units.glob("*.service"):
        lines = path.read_text().splitlines()
        write(path, "\n".join(f"ExecStart={root}{line[10:]}" if line.startswith("ExecStart=") else line for line in lines) + "\n")


def run_ledger_unit(units, folder, heads):
    """Its ExecStart lines; the status of the first that fails, or 0."""
    for line in (units / "rubricd-ledger.service").read_text().splitlines():
        if not line.startswith("ExecStart="):
            continue
        command = (line[10:].replace("%d/", f"{folder}/").replace("/etc/rubricd/", f"{folder}/")
                   .replace("/var/lib/rubricd-heads", str(heads)).split())
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return done.returncode, done.stderr
    return 0, ""


def make_store(folder):
    """A daemon has been here: a store with one charge in it."""
    receiver = Receiver()
    config = make_config(folder, make_course(folder / "course", 2, "2022-09-07 23:59"), receiver.url)
    daemon = Daemon(config, folder / "log")
    daemon.start()
    try:
        wait_until(lambda: list((folder / "state").glob("*.db")) and "posted" in rubric("status", "--config", config, check=False),
                   60, "the daemon has a store")
    finally:
        daemon.stop()
    return config


def test_ledger_unit(units, folder):
    heads = folder / "heads"
    heads.mkdir()
    config = make_store(folder)
    rubric("ledger", "--make-key", folder / "ledger.key")
    assert run_ledger_unit(units, folder, heads) == (0, ""), "an empty ledger"
    rubric("grant", "s0000", "1", "-m", "a token more", "--config", config)
    assert run_ledger_unit(units, folder, heads) == (0, "")
    texts = sorted(heads.glob("head-*.txt"))
    assert len(texts) == 2 and all(path.with_name(path.name + ".sig").stat().st_size == 64 for path in texts), texts
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "ledger.key.pub", "-rawin", "-in", texts[1],
                           "-sigfile", f"{texts[1]}.sig"], capture_output=True, text=True)
    assert done.returncode == 0 and "Signature Verified Successfully" in done.stdout, done.stderr
    with store(folder) as connection:
        [[n_lines]] = connection.execute("SELECT count(*) FROM ledger")
    assert n_lines > 0
    [path] = (folder / "state").glob("*.db")
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")
    status, said = run_ledger_unit(units, folder, heads)
    assert status == 1 and "the end of the ledger was cut off" in said, (status, said)
    assert sorted(heads.glob("head-*.txt")) == texts, "what does not fit is not signed"


def main():
    with tempfile.TemporaryDirectory(prefix="rubric-units-") as folder:
        folder = pathlib.Path(folder)
        units = install(folder / "root")
        point_at(units, folder / "root")
        verify(units)
        test_ledger_unit(units, folder)
    print("units: verified; heads of the ledger exported, checked, and refused when it was changed")


if __name__ == "__main__":
    main()
