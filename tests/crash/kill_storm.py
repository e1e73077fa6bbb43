#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grades submissions while the daemon's processes are killed at random, then counts: nothing lost, nothing graded, posted or
charged twice. kill_storm.py [--submissions 200] [--kills 300] [--seed N]"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import rubricd_testing as t


def check(claim, value, expected):
    if value != expected:
        raise SystemExit(f"FAILED: {claim}: {value!r} instead of {expected!r}")
    print(f"  {claim}: {value}")


def storm(daemon, inbox, n_submissions, n_kills, rng):
    """Drops submissions in while killing: one process at random, or now and then the whole tree."""
    killed = collections.Counter()
    dropped = 0
    n_done = 0
    while n_done < n_kills:
        while dropped < n_submissions and dropped * n_kills <= n_done * n_submissions:
            folder = inbox / f".new-{dropped}"
            folder.mkdir()
            (folder / "answer.txt").write_text(f"answer of {dropped}\n")
            folder.rename(inbox / f"s{dropped:04d}")
            dropped += 1
        time.sleep(rng.random() * 0.25)
        if not daemon.is_running():
            daemon.start()
            continue
        pid = rng.choice(daemon.tree())
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if pid == daemon.process.pid:
                daemon.kill()  # and it is seen to be dead: whoever asks next whether it runs must not be told yes
            else:
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            continue
        name = os.path.basename(command[0]) or "?"
        if len(command) > 2 and command[1] == "role":
            name += " " + command[2]
        killed[name] += 1
        n_done += 1
        if not daemon.is_running() or rng.random() < 0.1:
            daemon.kill()
    return killed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.submissions} submissions, {options.kills} kills", flush=True)
    rng = random.Random(options.seed)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubricd-crash-"))
    # The receiver fails too: 500, dropped before and after the effect.
    faults = random.Random(options.seed + 1)
    receiver = t.Receiver(lambda n: faults.choice([None] * 6 + [500, 503, "reset", "reset-after"]))
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    course = t.make_course(folder / "course", options.submissions, deadline, check='run: "test -s answer.txt"')
    config = t.make_config(folder, course, receiver.url, lease="3s", job_timeout="20s", grade_processes=2)
    daemon = t.Daemon(config, folder / "log")
    daemon.start()
    try:
        killed = storm(daemon, folder / "inbox/hw1", options.submissions, options.kills, rng)
        print("killed: " + ", ".join(f"{n} x {name}" for name, n in killed.most_common()), flush=True)
        if not daemon.is_running():
            daemon.start()

        def all_posted():
            with t.store(folder) as db:
                [[n]] = db.execute("SELECT count(*) FROM submission WHERE state = 'posted'")
                return n == options.submissions
        t.wait_until(all_posted, 240, "every submission is posted")
    except SystemExit:
        print((folder / "log").read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        daemon.stop()

    with t.store(folder) as db:
        one = lambda sql: db.execute(sql).fetchone()[0]
        check("submissions", one("SELECT count(*) FROM submission"), options.submissions)
        check("verdicts", one("SELECT count(*) FROM verdict"), options.submissions)
        check("submissions with more than one verdict",
              one("SELECT count(*) FROM (SELECT 1 FROM verdict GROUP BY submission_id HAVING count(*) > 1)"), 0)
        check("verdicts that pass", one("SELECT count(*) FROM verdict WHERE points_milli = 10000"), options.submissions)
        check("ledger charges", one("SELECT count(*) FROM ledger WHERE kind = 'charge'"), options.submissions)
        check("tokens spent, in thousandths", one("SELECT -sum(amount_milli) FROM ledger WHERE kind = 'charge'"),
              1000 * options.submissions)
        check("effects asked for", one("SELECT count(*) FROM outbox"), options.submissions)
    check("effects at the receiver, by idempotency key", len(receiver.effects), options.submissions)
    check("idempotency keys whose tries differ in content",
          sum(1 for tries in receiver.effects.values() if len({t.verdict_of(b)["submission"]["id"] for _, _, b in tries}) > 1), 0)
    print(" ", t.rubric("ledger", "--config", config, "--verify").strip())
    left = [pid for pid in daemon.tree() if os.path.exists(f"/proc/{pid}")]
    check("processes left", left, [])
    if options.keep:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    print("nothing lost, nothing doubled")


if __name__ == "__main__":
    main()
