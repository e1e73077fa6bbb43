#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two machines and one course's tokens: over one local folder (as two containers) locks keep them apart; a network's file system
is refused; a copy of the state folder is noticed before it posts or charges."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import rubricd_testing as t

N_GRANTS = 8


def check(claim, ok, detail=""):
    if not ok:
        raise SystemExit(f"FAILED: {claim}\n{detail}")
    print(f"  {claim}")


def on_machine(name, command, machine_id=None, over=()):
    """The command as it would be run on a machine of that name: a host name and process numbers of its own, perhaps another
    machine-id, and folders (FROM, AT) of its own at the same paths."""
    setup = [f"hostname {name}"]
    if machine_id:
        setup.append(f"mount --bind '{machine_id}' /etc/machine-id")
    setup += [f"mount --bind '{source}' '{target}'" for source, target in over]
    return ["unshare", "--user", "--map-root-user", "--mount", "--uts", "--pid", "--fork", "--kill-child",
            "sh", "-ec", "; ".join(setup) + '; exec "$@"', "sh", *map(str, command)]


def run(command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)


def rubricd(config, *arguments):
    return [t.programs() / "rubricd", "--config", config, *arguments]


def spend_at_once(folder, config):
    """Two machines book on one account at the same time, each line in a process of its own."""
    loop = f"for i in $(seq {N_GRANTS}); do '{t.programs() / 'rubric'}' grant s0000 1 -m \"$(hostname) $i\" --config '{config}' || exit 1; done"
    machines = [subprocess.Popen(on_machine(name, ["sh", "-c", loop]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for name in ("alpha", "beta")]
    said = [machine.communicate(timeout=300)[0] for machine in machines]
    check("two machines over one local folder book at once", all(machine.returncode == 0 for machine in machines), "".join(said))
    [(n, tokens)] = t.store(folder).execute("SELECT count(*), sum(amount_milli) FROM ledger WHERE kind = 'grant'").fetchall()
    check(f"each of {2 * N_GRANTS} lines is there once", (n, tokens) == (2 * N_GRANTS, 2 * N_GRANTS * 1000), f"{n} {tokens}")
    check("and they are one chain", "every one follows" in t.rubric("ledger", "--verify", "--config", config))


def second_daemon(folder, config):
    for earlier in folder.glob("state/run/wake-*"):  # else what an earlier daemon left is taken for a running one's
        earlier.unlink()
    daemon = t.Daemon(config, folder / "log")
    daemon.start()
    try:
        t.wait_until(lambda: any(folder.glob("state/run/wake-post-1")), 60, "the daemon runs")
        refused = run(on_machine("beta", rubricd(config)))
        check("a second daemon on the same folder is refused, whatever its host's name",
              refused.returncode == 1 and "another rubricd runs on the state folder" in refused.stderr, refused.stderr)
    finally:
        daemon.stop()


def network(folder, config):
    """statfs(2) tells another file system: strace puts its number where the kernel's answer was."""
    if not shutil.which("strace") or run(["strace", "-o", "/dev/null", "true"]).returncode != 0:
        print("  not seen: no strace may trace here")
        return
    for number, name in (("6969000000000000", "NFS"), ("9719020100000000", "9p"), ("4655736500000000", "FUSE")):
        refused = run(["strace", "-f", "-o", "/dev/null", "-e", "trace=fstatfs", "-e", f"inject=fstatfs:poke_exit=@arg2={number}",
                       *rubricd(config, "--once")])
        check(f"a state folder on {name} is refused", refused.returncode == 1 and f"may share ({name})" in refused.stderr, refused.stderr)


def copies(folder, config, receiver):
    copy = folder / "copy"
    shutil.copytree(folder / "state", copy / "state", ignore=shutil.ignore_patterns("run"))
    for name in ("secret", "rubricd.yaml"):
        shutil.copy(folder / name, copy / name)
    (copy / "inbox").mkdir()
    refused = run(rubricd(copy / "rubricd.yaml", "--once"))
    check("a copy at another path is refused", refused.returncode == 1 and "a second time" in refused.stderr, refused.stderr)
    check("and the sentence names both places", str(folder / "state") in refused.stderr and f'touch "{copy}/state/moved"' in refused.stderr)

    if pathlib.Path("/etc/machine-id").exists():
        other_id = t.write(folder / "machine-id", "0123456789abcdef0123456789abcdef\n")
        refused = run(on_machine("beta", rubricd(config, "--once"), other_id, [(copy / "state", folder / "state")]))
        check("a copy at the same path of another machine is refused", refused.returncode == 1 and '" on "beta"' in refused.stderr,
              refused.stderr)
    n_before = len(receiver.effects)
    check("commands look into a copy all the same", "every one follows" in t.rubric("ledger", "--verify", "--config", copy / "rubricd.yaml"))

    (copy / "state/moved").touch()
    started = run(rubricd(copy / "rubricd.yaml", "--once"))
    check("what was moved, and says so, is started", started.returncode == 0, started.stderr)
    check("the word is taken away", not (copy / "state/moved").exists())
    check("what was posted before is not posted again", len(receiver.effects) == n_before)
    again = run(rubricd(copy / "rubricd.yaml", "--once"))
    check("and from then on it is at home there", again.returncode == 0, again.stderr)
    back = run(rubricd(config, "--once"))
    check("the original still is at its own home", back.returncode == 0, back.stderr)


def main():
    if run(on_machine("alpha", ["true"])).returncode != 0:
        print("skipped: no namespaces here")
        sys.exit(77)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubric-machines-"))
    receiver = t.Receiver()
    try:
        course = t.make_course(folder / "course", 2, "2030-01-01 12:00")
        config = t.make_config(folder, course, receiver.url)
        t.write(folder / "inbox/hw1/s0001/answer.txt", "42\n")
        first = run(rubricd(config, "--once"))
        check("a daemon grades and posts", first.returncode == 0 and len(receiver.effects) == 1, first.stderr)
        spend_at_once(folder, config)
        second_daemon(folder, config)
        network(folder, config)
        copies(folder, config, receiver)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
