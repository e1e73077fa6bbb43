#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Repositories that are too large, over git's smart HTTP: git is stopped while it receives, the student reads what the limit is beside the
commit, a TA is told, and nothing of it stays on the disk."""

import base64
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_world import GOOD, world_of  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

SECONDS = 240
MIB = 1 << 20
LIMIT = 2 * MIB
SLACK = MIB // 4  # of indexes and of what an empty repository holds


def text(dice, n_bytes):
    """That compresses to about `n_bytes`."""
    return base64.b64encode(dice.randbytes(n_bytes)).decode()


def tree_bytes(folder):
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except OSError:
            pass  # gone meanwhile
    return total


class Watch:
    """The most that was on the disk at any moment."""

    def __init__(self, folder):
        self.folder, self.most, self.is_over = folder, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over.wait(0.01):
            self.most = max(self.most, tree_bytes(self.folder))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


def plain(message):
    return message.replace("\u00a0", " ")  # between a number and its unit


def mirror(world, i):
    return world.work / f"state/mirrors/github-{world.hub.repos[f'project-t{i}'].id}.git"


def wait_refused(world, i, sha, words):
    """The check run and the flag both name the limit."""
    def is_told():
        world.hasten()
        return any(run["status"] == "completed" for run in world.runs(i, sha))
    wait_until(is_told, SECONDS, "the student is told")
    [run] = world.runs(i, sha)
    told = plain(run["output"]["summary"])
    if run["conclusion"] != "action_required" or words not in told or "large files" not in told:
        raise SystemExit(f"project-t{i}: {run['conclusion']}, {told}")
    if not any(words in plain(message) for message in world.flags("owner")):
        raise SystemExit(f"\"{words}\" is in no flag: {world.flags('owner')}")
    print(f"  {told}", flush=True)


def refuse(world, i, files, what):
    """GitHub tells no size that would warn: so it is fetched."""
    with Watch(world.work / "state/mirrors") as watch:
        sha = world.push(i, files={**GOOD, **files})
        wait_refused(world, i, sha, "larger than 2.0 MiB")
    if watch.most > LIMIT + SLACK or mirror(world, i).exists():
        raise SystemExit(f"{what}: {watch.most} bytes came onto the disk, {tree_bytes(mirror(world, i))} of them stay")
    print(f"  {what}: at most {watch.most} bytes on the disk, nothing stays", flush=True)


def grow(world, i, dice):
    """Each push replaces the one before, and all are kept."""
    taken, before = [], 4 * LIMIT
    for _ in range(8):
        sha = world.push(i, files={**GOOD, "large": text(dice, LIMIT * 3 // 4)}, forced=True)
        wait_until(lambda sha=sha: world.hasten() or any(run["status"] == "completed" for run in world.runs(i, sha)), SECONDS, "a large push")
        if world.runs(i, sha)[0]["conclusion"] != "success":
            break
        taken.append(sha)
    wait_refused(world, i, sha, "more than 8.0 MiB, the most that is kept")
    if len(taken) != 5 or tree_bytes(mirror(world, i)) > before + SLACK:
        raise SystemExit(f"{len(taken)} pushes were taken, {tree_bytes(mirror(world, i))} bytes are on the disk")
    print(f"  {len(taken)} pushes that replace each other are kept, the next one is refused", flush=True)


def leftovers(world, i):
    """What a git leaves that was killed while it received, or while it set a ref."""
    world.daemon.kill()
    left = [mirror(world, i) / "objects/pack/tmp_pack_AbCdEf", mirror(world, i) / "refs/rubricd/incoming/0.lock"]
    for path in left:
        path.write_bytes(b"PACK")
    world.daemon.start()
    wait_until(lambda: not any(path.exists() for path in left), SECONDS, "what a killed git left is removed")
    sha = world.push(i)
    wait_until(lambda: world.is_shown([(i, sha)]), SECONDS, "the next push is taken")
    print("  what a killed git left is removed", flush=True)


def main():
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    with world_of(3, source=", repository_max: 2M") as world:
        world.daemon.start()
        refuse(world, 0, {"large": text(dice, 8 * MIB)}, "one large file")
        refuse(world, 1, {f"file-{i}": text(dice, MIB // 8) for i in range(60)}, "many files")
        sha = world.push(0, forced=True)
        wait_until(lambda: world.is_shown([(0, sha)]), SECONDS, "what is smaller is taken")
        grow(world, 2, dice)
        leftovers(world, 0)


if __name__ == "__main__":
    main()
