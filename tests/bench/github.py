#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What GitHub costs and how long students wait: the real daemon, git's smart HTTP and the stateful stand-in of GitHub's API, which keeps
GitHub's limits. github.py [--repositories 1000] [--idle 300] [--burst 60] [--post 180]"""

import argparse
import json
import pathlib
import random
import re
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_world import GOOD, World  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

GIVEN = {"graphql": ("points", 5000, 250), "core": ("requests", 5000, None)}
SWEEPS_AN_HOUR = 4


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def spans(values):
    return f"p50 {percentile(values, 0.5):.1f} s, p95 {percentile(values, 0.95):.1f} s, at most {max(values):.1f} s"


def used(world):
    """Points and requests of the primary limits so far; 304 costs none."""
    found = {"graphql": 0, "core": 0}
    for (owner, resource), window in world.hub.limits.windows.items():
        if owner.startswith("installation"):
            found[resource] += window[0]
    return found


def memory(world):
    """{role: MiB} of proportional memory; needs root, since roles that know secrets are closed to others."""
    found = {}
    for pid in world.daemon.tree():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        role = words[words.index("role") + 1] if "role" in words else "supervisor" if "--config" in words else pathlib.Path(words[0]).name
        pss = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        found.setdefault(role, []).append(pss / 1024)
    return ", ".join(f"{role} {' + '.join(f'{one:.1f}' for one in sizes)}" for role, sizes in sorted(found.items()))


class Pushes:
    """Commits made beforehand; when each was pushed, seen (named by an answer of the API), taken (fetched, safe in the store) and shown."""

    def __init__(self, world):
        self.world, self.prepared, self.at = world, {}, {}

    def prepare(self, numbers, what):
        for i in numbers:
            name = f"project-t{i}"
            self.prepared[i] = self.world.hub.commit(name, "refs/heads/main", {**GOOD, "round.txt": f"{what} {i}\n"})

    def push(self, i):
        sha = self.prepared.pop(i)
        self.at[sha] = (i, time.time())
        self.world.hub.push(f"project-t{i}", "refs/heads/main", sha, actor=f"login-{i}")

    def seen(self):
        """Moments since each push."""
        first = {}
        for one in list(self.world.hub.log):
            if one["answer"] and "check-runs" not in one["path"]:
                for sha in re.findall("[0-9a-f]{40}", json.dumps(one["answer"])):
                    first.setdefault(sha, one["at"])
        return [first[sha] - at for sha, (_, at) in self.at.items() if sha in first]

    def taken(self):
        rows = self.world.query("SELECT revision, fetched_us FROM submission WHERE fetched_us > 0")
        return [fetched / 1e6 - self.at[sha][1] for sha, fetched in rows if sha in self.at]

    def posted(self):
        waits = []
        for sha, (i, at) in self.at.items():
            waits += [run["concluded"] - at for run in self.world.runs(i, sha) if run.get("concluded")]
        return waits


def idle(world, seconds):
    """After the first look at all, which is what a sweep is."""
    wait_until(lambda: used(world)["graphql"] > 0, 300, "the first look")
    time.sleep(25)  # it is many requests; the next look comes after it
    swept, began = used(world), time.monotonic()
    time.sleep(seconds)
    elapsed, after = time.monotonic() - began, used(world)
    print(f"== {world.n} repositories, nothing moves")
    for resource, (unit, limit, wanted) in GIVEN.items():
        an_hour = (after[resource] - swept[resource]) * 3600 / elapsed + SWEEPS_AN_HOUR * swept[resource]
        print(f"{resource}: {after[resource] - swept[resource]} {unit} in {elapsed:.0f} s, {swept[resource]} a sweep: {an_hour:.0f} an hour, "
              f"{an_hour / limit * 100:.1f} % of {limit}" + (f"; wanted: under {wanted}" if wanted else ""))
    print(f"memory, MiB proportional: {memory(world)}", flush=True)


def usual(world, n, seconds, way):
    """Single pushes now and then."""
    pushes, dice = Pushes(world), random.Random(1)
    numbers = dice.sample(range(world.n), n)
    pushes.prepare(numbers, f"usual {way}")
    for i in numbers:
        time.sleep(dice.uniform(0, 2 * seconds / n))
        pushes.push(i)
    wait_until(lambda: len(pushes.posted()) >= n, 180, "single pushes are posted")
    print(f"== single pushes, {n} in {seconds} s, by {way}")
    if way == "polling":
        print(f"push to seen: {spans(pushes.seen())}")
    print(f"push to taken: {spans(pushes.taken())}")
    print(f"push to posted: {spans(pushes.posted())}", flush=True)


def burst(world, seconds, post_seconds):
    pushes, n = Pushes(world), world.n
    pushes.prepare(range(n), "burst")
    before, began = used(world), time.monotonic()

    def push_all():
        for i in range(n):
            time.sleep(max(0, began + seconds * i / n - time.monotonic()))
            pushes.push(i)
    thread = threading.Thread(target=push_all)
    thread.start()
    thread.join()
    last = time.monotonic()
    wait_until(lambda: len(pushes.taken()) >= n, 900, "all are taken")
    after, seen, taken = used(world), pushes.seen(), pushes.taken()
    print(f"== a burst: {n} pushes in {last - began:.0f} s, all taken {time.monotonic() - last:.0f} s after the last")
    print(f"push to seen: {spans(seen)} ({len(seen)} of {n} seen)")
    print(f"push to taken: {spans(taken)}")
    print("cost of it: " + ", ".join(f"{after[resource] - before[resource]} {GIVEN[resource][0]} ({resource})" for resource in GIVEN))
    print(f"memory, MiB proportional: {memory(world)}", flush=True)
    time.sleep(post_seconds)
    [n_graded] = world.query("SELECT count(*) FROM submission WHERE graded_us > 0")[0]
    waits = pushes.posted()
    print(f"{time.monotonic() - last:.0f} s after the last push: {n_graded} graded in all, {len(waits)} of the burst's results posted"
          + (f", push to posted {spans(waits)}" if waits else ""))
    print(f"refused by GitHub's limits: {dict(world.hub.limits.refusals) or 'nothing'}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--idle", type=int, default=300, help="seconds")
    parser.add_argument("--burst", type=int, default=60, help="seconds for all pushes")
    parser.add_argument("--post", type=int, default=180, help="seconds of posting after it")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubricd-bench-", dir="/var/tmp"))  # a disk, not a tmpfs
    print(f"{time.strftime('%Y-%m-%d')}, {options.repositories} repositories, a look every 30 s", flush=True)
    world = World(folder, options.repositories, web=True, every="30s")
    for i in range(options.repositories):  # each holds what the course gave to begin with
        world.hub.set(f"project-t{i}", pushed_at=int(world.hub.now()) - 100000 + i)
    world.daemon.start()
    try:
        idle(world, options.idle)
        usual(world, 20, 120, "polling")
        wait_until(world.web_url, 30, "the web role listens")
        world.hub.set_hook(world.web_url(), "a secret of this test alone")
        usual(world, 20, 60, "webhook")
        world.hub.hook = None
        burst(world, options.burst, options.post)
    finally:
        world.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
