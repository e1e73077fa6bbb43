#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where credentials must not be: after a run in which GitHub's API and git break in many ways, the App's key, the tokens and the
webhook's secret are looked for in arguments and environments of the daemon's processes (looked at all the time), in its whole work
folder, its log, its store, and in what the commands print. Its processes that know them leave no core dump."""

import base64
import collections
import pathlib
import re
import sys
import threading
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from git_http import basic  # noqa: E402
from github_world import HOOK_SECRET, world_of  # noqa: E402
from rubricd_testing import rubric, wait_until  # noqa: E402

N = 4
SECONDS = 180
JWT = re.compile(rb"eyJ[\w-]{10,}\.[\w-]{10,}")
KNOWS_SECRETS = ("intake", "post", "web")


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


class Sampler(threading.Thread):
    """Looks at all processes of the daemon, over and over."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.target_daemon, self.seen, self.kinds, self.dumpable = daemon, set(), collections.Counter(), []
        self.is_over = threading.Event()
        self.problem = None

    def run(self):
        try:
            while not self.is_over.wait(0.005):
                if self.target_daemon.is_running():
                    for pid in self.target_daemon.tree():
                        self.sample(pathlib.Path(f"/proc/{pid}"))
        except Exception as problem:
            self.problem = problem

    def sample(self, proc):
        words = read(proc / "cmdline")
        self.seen |= {words, read(proc / "environ")}
        parts = [word.decode(errors="replace") for word in words.split(b"\0")]
        is_git = len(parts) > 1 and pathlib.Path(parts[0]).name.startswith("git")
        role = next((role for role in KNOWS_SECRETS if "role" in parts and role in parts), None)
        if is_git or role:
            self.kinds["git" if is_git else role] += 1
            self.look_at_dumps(proc, "git" if is_git else role)

    def look_at_dumps(self, proc, kind):
        """A role forbids them before it reads a secret; so only what it ever had counts, at its last sight."""
        core = re.search(rb"Max core file size +(\S+)", read(proc / "limits"))
        kept = read(proc / "coredump_filter").strip()
        if core and kept:
            self.dumpable = [one for one in self.dumpable if one[1] != proc.name]
            if core[1] != b"0" or int(kept, 16) != 0:
                self.dumpable.append((kind, proc.name, core[1], kept))

    def end(self):
        self.is_over.set()
        self.join()
        if self.problem:
            raise self.problem


def needles(world):
    """name -> bytes, each as it is and as git sends it."""
    found = {"the webhook's secret": HOOK_SECRET.encode()}
    for i, line in enumerate(world.hub.key.path.read_text().splitlines()[1:-1]):
        found[f"line {i} of the App's key"] = line.encode()
    for i, token in enumerate(world.hub.credentials):
        found[f"token {i}"] = token[:40].encode()  # a part is bad enough
        found[f"token {i} for git"] = basic(token).removeprefix("Basic ")[20:60].encode()
        found[f"token {i} in base64"] = base64.b64encode(token.encode())[:40]
    return found


def grep(what, data, names, wrong):
    wrong += [f"{name} is in {what}" for name, needle in names.items() if needle in data]
    if JWT.search(data):
        wrong.append(f"a JWT is in {what}")


def deliver_badly(url):
    """Deliveries that are signed by another, or not at all."""
    for headers in ({}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}):
        request = urllib.request.Request(url, b'{"zen": "x"}', {"Content-Type": "application/json", "X-GitHub-Event": "ping",
                                                                "X-GitHub-Delivery": "bad", **headers})
        try:
            urllib.request.urlopen(request, timeout=30).close()
            raise SystemExit("a delivery with a bad signature was taken")
        except urllib.error.HTTPError as refused:
            refused.close()


def break_much(world):
    hub, git = world.hub, world.git
    for kind in ("truncated", "wrong_type", 500, "reset", "redirect"):
        hub.fault(kind, path="access_tokens", when="before" if kind == 500 else "after")
    hub.fault(401, path="/graphql")
    hub.fault("redirect", path="/graphql", when="after")
    hub.fault(500, path="/graphql")
    for kind in (401, 403, 422, "reset", "redirect", "truncated"):
        hub.fault(kind, path="check-runs", when="before")
    for status in (401, 500, "reset", 403, 401, 503):
        git.fault(status)


def is_pushed(world):
    world.hasten()
    return all("refs/heads/rubricd/results" in world.hub.repos[f"project-t{i}"].refs for i in range(N))


def run(world):
    hub = world.hub
    hub.set_limits(enforced=False)
    break_much(world)
    world.daemon.start()
    sampler = Sampler(world.daemon)
    sampler.start()
    try:
        wait_until(lambda: world.web_url(), SECONDS, "the role web listens")
        hub.set_hook(world.web_url(), HOOK_SECRET)
        deliver_badly(world.web_url())
        for i in range(N):
            world.push(i)
        wait_until(lambda: world.hub.requests(path="check-runs") and not world.git.faults_left(), SECONDS, "all faults were met")
        hub.expire_tokens()
        break_much(world)
        second = [(i, world.push(i)) for i in range(N)]
        wait_until(lambda: world.is_shown(second) or world.flags("post"), SECONDS, "the second push of each is graded")
        wait_until(lambda: is_pushed(world), SECONDS, "results are pushed by git")
        out = rubric("status", "-c", world.config, check=False) + rubric("status", "--json", "-c", world.config, check=False)
        out += rubric("flags", "-c", world.config, check=False)
    finally:
        sampler.end()
    return sampler, out


def judge(world, sampler, out):
    wrong, names = [], needles(world)
    for data in sampler.seen:
        grep("arguments or environment of a process", data, names, wrong)
    n_files = n_bytes = 0
    for path in sorted(world.work.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            n_files, n_bytes = n_files + 1, n_bytes + len(data)
            grep(str(path.relative_to(world.work)), data, names, wrong)
    grep("what commands print", out.encode(), names, wrong)
    for i in range(N):
        grep("what was written to GitHub", repr(world.hub.written(f"project-t{i}")).encode(), names, wrong)
    wrong += [f"a credential went to another host: {one}" for one in world.hub.seen_elsewhere if one["authorization"]]
    wrong += [f"no process \"{kind}\" was seen" for kind in (*KNOWS_SECRETS, "git") if not sampler.kinds[kind]]
    wrong += [f"process {pid} ({kind}) may leave a core dump: {limit} bytes, filter {kept}" for kind, pid, limit, kept in sampler.dumpable]
    if not (world.work / "state/mirrors").exists() or not (world.work / "state/rubricd.db").exists():
        wrong.append("there are no mirrors or no store to look into")
    if wrong:
        raise SystemExit("FAILED:\n  " + "\n  ".join(dict.fromkeys(wrong)))
    broken = sum(bool(one["fault"]) for one in world.hub.log)
    print(f"{len(names)} secrets and parts of them in none of {n_files} files ({n_bytes} bytes), {len(sampler.seen)} argument lists and "
          f"environments of {dict(sampler.kinds)}; {broken} requests of {len(world.hub.log)} were broken, "
          f"{sum(status != '200' for status, _, _ in world.git.log())} of {len(world.git.log())} of git")


def main():
    sinks = "  - github: {name: results}\n  - github: {name: pushed, write: branch}\n"
    with world_of(N, web=True, sinks=sinks) as world:
        sampler, out = run(world)
        world.daemon.stop()
        judge(world, sampler, out)


if __name__ == "__main__":
    main()
