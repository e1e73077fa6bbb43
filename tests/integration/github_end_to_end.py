#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a student's push to the result beside the commit: fifty repositories, git's smart HTTP with GitHub's credentials, the stateful
stand-in of GitHub's API, and the real daemon over both."""

import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_world import BAD, world_of  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

N = 50
SECONDS = 240


def show(world, pushed, what, assignment="m1"):
    wait_until(lambda: world.is_shown(pushed, assignment), SECONDS, what)
    print(f"  {what}: {len(pushed)} of {len(pushed)} results are beside their commits", flush=True)


def expect(found, text, what):
    if text not in found:
        raise SystemExit(f"{what}: \"{text}\" is not in:\n{found}")


def text_of(run):
    return "\n".join(str(run["output"].get(part) or "") for part in ("title", "summary", "text"))


def first_pushes(world):
    pushed = [(i, world.push(i, files=BAD if i < 2 else None)) for i in range(N)]
    show(world, pushed, "the first push")
    for i, sha in pushed:
        [run] = world.runs(i, sha)
        wanted = "failure" if i < 2 else "success"
        if run["conclusion"] != wanted:
            raise SystemExit(f"project-t{i}: {run['conclusion']} instead of {wanted}")
        expect(text_of(run), "There is an answer", "the check run")
        expect(text_of(run), "0 of 10" if i < 2 else "10 of 10", "the check run")


def late_push(world):
    sha = world.push(3, "refs/heads/late")
    show(world, [(3, sha)], "a late push", "m0")
    [run] = world.runs(3, sha, "m0")
    expect(text_of(run), "late: 1 of your team's 7 tokens", "the late push's check run")
    expect(text_of(run), "6 left", "the late push's check run")


def force_push(world):
    first = world.push(4)
    show(world, [(4, first)], "a push before the force-push")
    second = world.push(4, forced=True)
    show(world, [(4, first), (4, second)], "a force-push")
    expect("\n".join(world.flags("history")), f"the branch was force-pushed: \"refs/heads/main\" led to {first[:12]}", "flags")


def moved_tag(world):
    first = world.push(5, "refs/tags/submit/m1")
    show(world, [(5, first)], "a tag")
    second = world.push(5, "refs/tags/submit/m1", forced=True)
    show(world, [(5, first), (5, second)], "a moved tag")
    expect("\n".join(world.flags("history")), f"the tag was moved: \"refs/tags/submit/m1\" led to {first[:12]}", "flags")


def restart_in_the_middle(world):
    n_before = len(world.query("SELECT id FROM submission"))
    pushed = [(i, world.push(i)) for i in range(10, 25)]
    wait_until(lambda: len(world.query("SELECT id FROM submission")) > n_before, SECONDS, "some of it is taken")
    world.daemon.kill()
    world.daemon.start()
    show(world, pushed, "killed in the middle")


def burst(world):
    """All at once, while GitHub takes back every token it gave."""
    pushed = [(i, world.push(i)) for i in range(N // 2)]
    world.hub.expire_tokens()
    pushed += [(i, world.push(i)) for i in range(N // 2, N)]
    show(world, pushed, "a burst, the tokens being taken back")


def bad_requests(world):
    """Git breaks at each step; it is tried again, and a token that works is not minted anew for it."""
    world.push(6)
    for status in (500, "reset", 503):
        world.git.fault(status)
    pushed = [(6, world.push(6)), (7, world.push(7))]
    show(world, pushed, "git answers 500, breaks off, 503")


def judge(world, n_minted_most):
    wrong = []
    for i in range(N):
        names = collections.Counter((run["head_sha"], run["name"]) for run in world.hub.written(f"project-t{i}")["check_runs"])
        wrong += [f"project-t{i}: {n} check runs of {key}" for key, n in names.items() if n > 1]
    asked = world.git.log()
    wrong += [f"git asked for {path} without its credential" for _, sent, path in asked if not sent]
    n_refused = sum(status == "401" for status, _, _ in asked)
    if n_refused > 4:  # git asks twice before it gives up: a fetch or two met the tokens being taken back
        wrong.append(f"git was refused {n_refused} times, which one token would have mended")
    if world.hub.n_minted > n_minted_most:
        wrong.append(f"{world.hub.n_minted} tokens were minted, at most {n_minted_most} were needed")
    if world.flags("source") or world.flags("owner") or world.flags("post"):
        wrong.append(f"flags: {world.flags('source')} {world.flags('owner')} {world.flags('post')}")
    if wrong:
        raise SystemExit("FAILED:\n  " + "\n  ".join(wrong))
    print(f"  {len(world.hub.log)} requests to the API, {len(asked)} of git, {n_refused} of them refused, "
          f"{world.hub.n_minted} tokens minted")


def main():
    with world_of(N) as world:
        world.hub.set_limits(enforced=False)  # they have tests of their own; here time is moved on instead
        world.daemon.start()
        for story in (first_pushes, late_push, force_push, moved_tag, restart_in_the_middle, burst, bad_requests):
            story(world)
        judge(world, n_minted_most=6)  # two roles, started twice, and once more each after the tokens were taken back


if __name__ == "__main__":
    main()
