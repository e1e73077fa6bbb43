#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exactly once under fire: results, and announcements before some of them, go to a stand-in of GitHub that breaks requests before and after
their effect, while the post role, and now and then the whole daemon, is killed. At the end each repository has one check run, one status and
one comment or issue: none lost, none doubled."""

import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_posts import SINKS, hasten, is_settled, make_world, outbox, store

FAULTS = ["reset", "truncated", "wrong_type", "redirect", "primary", "secondary", 401, 403, 404, 409, 429, 500, 502, 503]


def kill_post_role(daemon):
    for pid in daemon.tree():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"role" in words and b"post" in words:
            try:
                os.kill(pid, signal.SIGKILL)
                return 1
            except ProcessLookupError:
                pass
    return 0


def storm(folder, hub, daemon, dice, rate, seconds):
    """Until nothing waits. Returns how often the role and the daemon were killed."""
    n_role = n_daemon = 0
    next_blow = dice.randint(3, 40)
    hub.set_chaos(dice.random(), rate, FAULTS)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_settled(folder):
            return n_role, n_daemon
        hasten(folder)
        if len(hub.log) >= next_blow:  # by what was asked, not by the clock: a slow machine gets on as well
            next_blow = len(hub.log) + dice.randint(3, 40)
            if dice.random() < 0.25:  # seldom: the supervisor waits longer each time before it starts a role that dies
                n_role += kill_post_role(daemon)
            else:
                daemon.kill()
                n_daemon += 1
                daemon.start()
        time.sleep(dice.uniform(0.05, 0.4))  # between two blows: the storm's own rhythm
    raise SystemExit(f"not all was posted within {seconds} s: {outbox(folder)}; see {folder}/log")


def judge(folder, hub, n):
    wrong, n_announced = [], 0
    for i in range(n):
        there = hub.written(f"project-{i}")
        runs, statuses = there["check_runs"], there["statuses"]
        if len(runs) != 1 or runs[0]["conclusion"] != "success":
            wrong.append(f"project-{i}: {len(runs)} check runs")
        n_announced += any("completed" not in run["was"][:1] for run in runs)
        if len(statuses) != 1 or statuses[0]["state"] != "success":
            wrong.append(f"project-{i}: {len(statuses)} statuses")
        told = there["comments"] + [one for one in there["issues"] if not one.get("pull")]
        if len(told) != 1 or "10 of 10 points" not in told[0]["body"] or bool(there["comments"]) == bool(i % 2):
            wrong.append(f"project-{i}: {len(told)} comments and issues")
    connection = store(folder)
    [n_flags] = connection.execute("SELECT count(*) FROM flag WHERE kind = 'post'").fetchone()
    [n_posted] = connection.execute("SELECT count(*) FROM submission WHERE state = 'posted'").fetchone()
    connection.close()
    if n_flags or n_posted != n + 1 or outbox(folder) != {"done": (n + 1) * len(SINKS)}:
        wrong.append(f"{n_flags} flags, {n_posted} of {n + 1} posted, outbox {outbox(folder)}")
    print(f"{n_announced} check runs were announced before their results")
    if any(one["authorization"] for one in hub.seen_elsewhere):
        wrong.append("a credential went to another host")
    if "ghs_" in (folder / "log").read_text(errors="replace"):
        wrong.append("a token is in the log")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=60, help="submissions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--rate", type=float, default=0.2, help="of requests that break")
    parser.add_argument("--seconds", type=int, default=480)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rubric-github-storm-") as name:
        folder = pathlib.Path(name)
        hub, daemon = make_world(folder, options.n, n_waiting=min(options.n * 2 // 3, 40))
        began = time.monotonic()
        daemon.start()
        try:
            n_role, n_daemon = storm(folder, hub, daemon, random.Random(options.seed), options.rate, options.seconds)
        finally:
            daemon.stop()
        broken = [one["fault"] for one in hub.log if one["fault"]]
        wrong = judge(folder, hub, options.n)
        hub.close()
    print(f"{options.n} submissions, {len(hub.log)} requests, {len(broken)} of them broken ({sum(one.endswith('after') for one in broken)} after "
          f"the effect), post role killed {n_role} times, daemon {n_daemon} times, {time.monotonic() - began:.0f} s")
    if wrong:
        raise SystemExit("FAILED:\n  " + "\n  ".join(wrong))
    print("0 lost, 0 doubled")


if __name__ == "__main__":
    main()
