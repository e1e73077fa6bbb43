#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What GitHub costs and how long students wait: the real daemon, git's smart HTTP and the stateful stand-in of GitHub's API, which keeps
GitHub's limits. github.py [--repositories 1000] [--parts idle,usual,burst,hook] [--idle 300] [--burst 60] [--fetch 1800]
[--post 180]"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_world import GOOD, HOOK_SECRET, World  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

GIVEN = {"graphql": ("points", 5000, 250), "core": ("requests", 5000, None)}
SWEEPS_AN_HOUR = 4
SETTLED = 150  # seconds after which pushes are old: the watermark's overlap, and a look


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def spans(values):
    return f"p50 {percentile(values, 0.5):.1f} s, p95 {percentile(values, 0.95):.1f} s, at most {max(values):.1f} s" if values else "none"


def load():
    return f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"


# ---- what it costs

def kind_of(entry):
    path = entry["path"]
    if path == "/graphql":
        if "query Look" in entry["body"]["query"]:
            return "graphql: refs of those only heard of"
        return "graphql: discovery, " + ("a further page" if entry["body"]["variables"].get("after") else "first page")
    for part, name in (("access_tokens", "app: tokens"), ("/app/hook/deliveries", "app: missed deliveries"), ("/activity", "core: record of activity"),
                       ("check-runs", "core: check runs, " + ("looked for" if entry["method"] == "GET" else "written"))):
        if part in path:
            return name
    return f"core: {entry['method']} {re.sub('[0-9a-f]{40}', 'SHA', re.sub('[0-9]+', 'N', path))}"


def member(value, *names):
    """value[names[0]][names[1]]..., or None."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def price(entry):
    """Of the primary limits: points, or a request; 304 and what the App asks as itself cost none."""
    if entry["path"] == "/graphql":
        return member(entry["answer"], "data", "rateLimit", "cost") or 0
    return int(entry["status"] != 304 and not kind_of(entry).startswith("app:"))


class Costs:
    """Of the requests from now on."""

    def __init__(self, world):
        self.world, self.start, self.began = world, len(world.hub.log), time.monotonic()

    def entries(self):
        return self.world.hub.log[self.start:]

    def by_kind(self):
        requests, prices = collections.Counter(), collections.Counter()
        for entry in self.entries():
            requests[kind_of(entry)] += 1
            prices[kind_of(entry)] += price(entry)
        return requests, prices

    def sums(self):
        sums = {"graphql": 0, "core": 0}
        for kind, n in self.by_kind()[1].items():
            if kind.split(":")[0] in sums:
                sums[kind.split(":")[0]] += n
        return sums

    def show(self):
        requests, prices = self.by_kind()
        for kind, n in sorted(requests.items()):
            print(f"  {kind}: {n} requests, cost {prices[kind]}")


# ---- what it takes

def processes(world):
    """{role: [pid]}"""
    found = {}
    for pid in world.daemon.tree():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        role = words[words.index("role") + 1] if "role" in words else "supervisor" if "--config" in words else pathlib.Path(words[0]).name
        found.setdefault(role, []).append(pid)
    return found


def memory(world):
    """MiB of proportional memory; needs root, since roles that know secrets are closed to others."""
    found = {}
    for role, pids in processes(world).items():
        for pid in pids:
            try:
                lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            found.setdefault(role, []).append(sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
    return ", ".join(f"{role} {' + '.join(f'{one:.1f}' for one in sizes)}" for role, sizes in sorted(found.items()))


class Cpu:
    """CPU seconds from now on: a role's own and its ended children's; and those of what stands for GitHub, which a real daemon does not share
    its machine with."""

    def __init__(self, world):
        self.world, self.before = world, self.read(world)

    @staticmethod
    def times(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return own / os.sysconf("SC_CLK_TCK"), children / os.sysconf("SC_CLK_TCK")

    @classmethod
    def read(cls, world):
        found = {}
        mine = {"stand-in: API": [os.getpid()], "stand-in: git": [world.git.process.pid]}
        for role, pids in {**processes(world), **mine}.items():
            for pid in pids:
                if role in ("supervisor", "intake", "grade", "post", "web", *mine):
                    try:
                        found[(role, pid)] = cls.times(pid)
                    except OSError:
                        pass
        return found

    def show(self):
        spent = collections.defaultdict(lambda: [0, 0])
        for (role, pid), (own, children) in self.read(self.world).items():
            before = self.before.get((role, pid), (0, 0))
            spent[role][0] += own - before[0]
            spent[role][1] += children - before[1]
        print("CPU seconds, itself + its children: " + ", ".join(f"{role} {own:.0f} + {children:.0f}" for role, (own, children) in sorted(spent.items())))


# ---- pushes

class Pushes:
    """Commits made beforehand, and when each was pushed; told: a webhook's delivery is stored; seen: the store has the push and its time;
    fetched: its commit is safe, and it is a submission; graded; posted: its check run is finished."""

    def __init__(self, world):
        self.world, self.prepared, self.at, self.first_seen, self.is_over = world, {}, {}, {}, threading.Event()
        self.watcher = threading.Thread(target=self.watch, daemon=True)

    def prepare(self, numbers, what):
        for i in numbers:
            name = f"project-t{i}"
            self.prepared[i] = self.world.hub.commit(name, "refs/heads/main", {**GOOD, "round.txt": f"{what} {i}\n"})
        self.watcher.start()

    def push(self, i):
        sha = self.prepared.pop(i)
        self.at[sha] = (i, time.time())
        self.world.hub.push(f"project-t{i}", "refs/heads/main", sha, actor=f"login-{i}")

    def watch(self):
        """What the source remembers of its repositories names a push from the moment that it is noted."""
        while not self.is_over.wait(1):
            rows = self.world.query("SELECT json FROM cursor WHERE source = 'github' AND key LIKE 'repo:%'")
            now = time.time()
            for (text,) in rows:
                for sha in re.findall("[0-9a-f]{40}", text):
                    if sha in self.at:
                        self.first_seen.setdefault(sha, now)

    def since_push(self, query):
        return [at / 1e6 - self.at[sha][1] for sha, at in self.world.query(query) if sha in self.at]

    def told(self):
        return self.since_push("SELECT json_extract(body, '$.after'), received_us FROM delivery WHERE event = 'push'")

    def seen(self):
        return [now - self.at[sha][1] for sha, now in list(self.first_seen.items())]

    def fetched(self):
        return self.since_push("SELECT revision, fetched_us FROM submission WHERE fetched_us > 0")

    def graded(self):
        return self.since_push("SELECT revision, graded_us FROM submission WHERE graded_us > 0")

    def posted(self):
        waits = []
        for sha, (i, at) in self.at.items():
            waits += [run["concluded"] - at for run in self.world.runs(i, sha) if run.get("concluded")]
        return waits

    def show(self):
        n = len(self.at)
        for what in ("told", "seen", "fetched", "graded", "posted"):
            waits = getattr(self, what)()
            if waits:
                print(f"push to {what}: {spans(waits)} ({len(waits)} of {n})")


# ---- the parts

def idle(world, seconds, what, pushed_at, settle):
    """After the first look at all, which is what a sweep is. `pushed_at`: of a repository by its number."""
    world.daemon.stop()
    for i in range(world.n):
        world.hub.set(f"project-t{i}", pushed_at=pushed_at(i))
    sweep = Costs(world)
    world.daemon.start()
    wait_until(lambda: any(member(entry["answer"], "data", "organization", "repositories", "pageInfo", "hasNextPage") is False
                           for entry in sweep.entries()), 300, "the first look")
    swept = sweep.sums()
    time.sleep(settle)
    costs, began = Costs(world), time.monotonic()
    time.sleep(seconds)
    elapsed, spent = time.monotonic() - began, costs.sums()
    print(f"== {world.n} repositories, {what}, nothing moves ({load()})")
    for resource, (unit, limit, wanted) in GIVEN.items():
        an_hour = spent[resource] * 3600 / elapsed + SWEEPS_AN_HOUR * swept[resource]
        print(f"{resource}: {spent[resource]} {unit} in {elapsed:.0f} s, {swept[resource]} a sweep: {an_hour:.0f} an hour, "
              f"{an_hour / limit * 100:.1f} % of {limit}" + (f"; wanted: under {wanted}" if wanted else ""))
    costs.show()
    print(f"memory, MiB proportional: {memory(world)}", flush=True)


def hook(world, is_on):
    if is_on:
        wait_until(world.web_url, 30, "the web role listens")
        world.hub.set_hook(world.web_url(), HOOK_SECRET)
    else:
        world.hub.hook = None
    return "webhook" if is_on else "polling"


def usual(world, n, seconds, way):
    """Single pushes now and then."""
    pushes, dice = Pushes(world), random.Random(1)
    numbers = dice.sample(range(world.n), n)
    pushes.prepare(numbers, f"usual {way}")
    costs = Costs(world)
    for i in numbers:
        time.sleep(dice.uniform(0, 2 * seconds / n))
        pushes.push(i)
    wait_until(lambda: len(pushes.posted()) >= n, 300, "single pushes are posted")
    pushes.is_over.set()
    print(f"== single pushes, {n} in {seconds} s, by {way} ({load()})")
    pushes.show()
    costs.show()
    sys.stdout.flush()


def burst(world, seconds, fetch_seconds, post_seconds, way):
    pushes, n = Pushes(world), world.n
    pushes.prepare(range(n), f"burst {way}")
    costs, cpu, began = Costs(world), Cpu(world), time.monotonic()
    for i in range(n):
        time.sleep(max(0, began + seconds * i / n - time.monotonic()))
        pushes.push(i)
    last = time.monotonic()
    wait_until(lambda: len(pushes.first_seen) >= n, 900, "all are seen")
    print(f"== a burst by {way}: {n} pushes in {last - began:.0f} s; all are seen {time.monotonic() - last:.0f} s after the last, "
          f"wanted: within 60 s ({load()})", flush=True)
    pushes.is_over.set()
    while len(pushes.fetched()) < n and time.monotonic() - last < fetch_seconds:
        time.sleep(2)
    print(f"{len(pushes.fetched())} of {n} are fetched {time.monotonic() - last:.0f} s after the last push ({load()})", flush=True)
    cpu.show()
    print(f"memory, MiB proportional: {memory(world)}", flush=True)
    time.sleep(max(0, post_seconds - (time.monotonic() - last)))
    print(f"{time.monotonic() - last:.0f} s after the last push:")
    pushes.show()
    costs.show()
    print(f"refused by GitHub's limits: {dict(world.hub.limits.refusals) or 'nothing'}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--parts", default="idle,usual,burst,hook")
    parser.add_argument("--idle", type=int, default=300, help="seconds, at most 700: until the next sweep")
    parser.add_argument("--burst", type=int, default=60, help="seconds for all pushes")
    parser.add_argument("--fetch", type=int, default=1800, help="seconds after it, at most, until all are fetched")
    parser.add_argument("--post", type=int, default=180, help="seconds after it, at least, until results are counted")
    options = parser.parse_args()
    parts = options.parts.split(",")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubricd-bench-", dir="/var/tmp"))  # a disk, not a tmpfs
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {options.repositories} repositories, a look every 30 s", flush=True)
    world = World(folder, options.repositories, web=True, every="30s")
    world.daemon.start()
    now = int(world.hub.now())
    try:
        if "idle" in parts:
            idle(world, options.idle, "never pushed to", lambda i: None, 25)
            idle(world, options.idle, "pushed to a second apart", lambda i: now - 100000 + i, 25)
            idle(world, options.idle, "pushed to within a minute", lambda i: now - 60 + 60 * i // world.n, SETTLED)
        if "usual" in parts:
            usual(world, 20, 120, hook(world, False))
            usual(world, 20, 60, hook(world, True))
        if "burst" in parts:
            burst(world, options.burst, options.fetch, options.post, hook(world, False))
        if "hook" in parts:
            burst(world, options.burst, options.fetch, options.post, hook(world, True))
    finally:
        world.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
