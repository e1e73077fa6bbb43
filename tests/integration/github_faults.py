#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GitHub at its worst: down for a while, wrong answers of every kind, limits, another clock, an API version that is over. Nothing is lost or
doubled, `rubric status` says what is the matter, and no credential follows a redirect."""

import collections
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from claims import expect  # noqa: E402
from github_world import HOOK_SECRET, world_of  # noqa: E402
from rubricd_testing import rubric, wait_until  # noqa: E402

SECONDS = 120
FOREVER = 10 ** 9
N = 4


def status(world, *more):
    return rubric("status", "-c", world.config, *more)


def show(world, pushed, what, assignment="m1"):
    def is_shown():
        wake(world)
        return world.is_shown(pushed, assignment)
    wait_until(is_shown, SECONDS, what)
    print(f"  {what}", flush=True)


def wake(world):
    """A delivery that means nothing: the source looks at once, instead of when its own patience ends."""
    if world.web_url():
        world.hub.set_hook(world.web_url(), HOOK_SECRET)
        world.hub.send_delivery("ping", {"zen": "x", "hook_id": 1})
        world.hub.hook = None
        time.sleep(0.2)  # between two looks


def says(world, text):
    wake(world)
    return text in status(world)


def outage(world):
    """Everything fails from the first look on; then it is there again."""
    show(world, [(0, world.push(0))], "a push before the outage has its result")
    world.hub.fault(503, times=FOREVER)
    pushed = [(i, world.push(i)) for i in range(N)]
    wait_until(lambda: says(world, "FAILED"), SECONDS, "the status says that the source fails")
    n = len(world.query("SELECT id FROM submission"))
    world.hub.forget()
    show(world, pushed, f"{N} pushes during an outage have their results after it")
    expect("none of them was taken before GitHub was back", n == 1, n)


def outbox_waits(world):
    world.hub.fault(502, path="check-runs", times=FOREVER)
    pushed = [(i, world.push(i)) for i in range(N)]

    def waits():
        wake(world)
        return len({revision for (revision,) in world.query(
            "SELECT s.revision FROM outbox o JOIN submission s ON s.id = o.submission_id WHERE o.state = 'queued'")} & {sha for _, sha in pushed}) == N
    wait_until(waits, SECONDS, "all are graded, none is posted")
    world.hub.forget()
    show(world, pushed, f"{N} results that could not be posted are posted when GitHub is back")


def version_over(world):
    world.hub.retire("2022-11-28")
    pushed = [(0, world.push(0))]
    wait_until(lambda: says(world, "no longer supported"), SECONDS, "the status says that the API's version is over")
    world.hub.unretire()
    show(world, pushed, "an API version that is over is told, and nothing is lost by it")


def wrong_answers(world):
    kinds = ("truncated", "wrong_type", "redirect", "reset", 404, 409, 410, 422, 500)
    for kind in kinds:
        world.hub.fault(kind, "POST", "/graphql")
    show(world, [(1, world.push(1))], f"discovery was answered {', '.join(map(str, kinds))}: the push has its result")
    expect("all of these were met", not any(one["times"] for one in world.hub.faults), world.hub.faults)
    kinds = ("truncated", "wrong_type", "redirect", 500)
    for kind in kinds:
        world.hub.fault(kind, path="/activity")
    show(world, [(i, world.push(i)) for i in range(N)], f"GitHub's record of pushes was answered {', '.join(map(str, kinds))}: the pushes have their results")
    expect("all of these were met", not any(one["times"] for one in world.hub.faults), world.hub.faults)


def refused_token(world):
    n = world.hub.n_minted
    world.hub.fault(401, "POST", "/graphql")
    show(world, [(0, world.push(0))], "after a 401 the push has its result")
    expect("for it one token was minted anew", world.hub.n_minted == n + 1, world.hub.n_minted - n)


def limits(world):
    world.hub.fault("secondary", "POST", "/graphql", seconds=600)

    def told():
        wake(world)
        return json.loads(status(world, "--json")).get("github", {}).get("blocked_until_us", 0) / 1e6 - time.time() > 500
    wait_until(told, SECONDS, "the status says until when nothing is asked")
    n = len(world.hub.log)
    out = status(world)
    expect("and says it to people, with GitHub's words", "asks nothing until" in out and "secondary rate limit" in out, out)
    wake(world)
    wake(world)
    expect("meanwhile nothing is asked", len(world.hub.log) == n, world.hub.log[n:])
    # Nobody waits ten minutes here: a daemon that begins anew after the time is over has only the store to know it from.
    world.daemon.stop()
    world.hasten()
    world.daemon.start()
    show(world, [(3, world.push(3))], "when that is over the push has its result")
    print("\n".join("    " + line for line in out.splitlines()), flush=True)


def other_clock(world):
    """GitHub's clock is what counts, and a JWT is made for it."""
    world.hub.set_clock(-500)
    world.hub.expire_tokens()
    at = world.hub.now()
    sha = world.push(0)
    show(world, [(0, sha)], "GitHub's clock is 500 s behind ours: the push has its result")
    [(received_us,)] = world.query("SELECT received_us FROM submission WHERE revision = ?", sha)
    expect("and was received by GitHub's clock", abs(received_us / 1e6 - at) < 5, received_us / 1e6 - at)
    world.hub.set_clock(0)
    world.hub.expire_tokens()


def not_retried(world):
    """Last: it leaves a flag."""
    world.hub.fault(422, "POST", "check-runs", message="Validation Failed: the moon is not full", times=FOREVER)
    sha = world.push(2)

    def flagged():
        world.hasten()
        wake(world)
        return any("the moon is not full" in one for (one,) in world.query("SELECT evidence FROM flag WHERE kind = 'post'"))
    wait_until(flagged, SECONDS, "a flag tells what GitHub refused")
    world.hub.faults.clear()
    show(world, [(1, world.push(1))], "a result that GitHub refuses is flagged with its words; the next one is posted")
    n = [one for one in world.hub.requests("POST", "project-t2/check-runs") if one["body"]["head_sha"] == sha]
    expect("what is refused with 422 is not tried again", len(n) == 1, len(n))


def judge(world):
    wrong = [f"a credential went to another host: {one}" for one in world.hub.seen_elsewhere if one["authorization"]]
    for i in range(N):
        runs = collections.Counter((run["head_sha"], run["name"]) for run in world.hub.written(f"project-t{i}")["check_runs"])
        wrong += [f"project-t{i}: {n} check runs of {key}" for key, n in runs.items() if n > 1]
    broken = [one["fault"] for one in world.hub.log if one["fault"]]
    if wrong:
        raise SystemExit("FAILED:\n  " + "\n  ".join(wrong))
    print(f"{len(world.query('SELECT id FROM submission'))} submissions, none lost or doubled; {len(broken)} of the last {len(world.hub.log)} requests broken")


def main():
    with world_of(N, web=True) as world:
        world.hub.set_limits(enforced=False)
        world.daemon.start()
        wait_until(world.web_url, SECONDS, "the role web listens")
        for tell in (outage, outbox_waits, version_over, wrong_answers, refused_token, limits, other_clock, not_retried):
            tell(world)
        judge(world)


if __name__ == "__main__":
    main()
