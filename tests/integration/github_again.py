#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Webhook deliveries that did not arrive are fetched from GitHub's record of them, a redelivery counts once, and "Re-run" beside a result
grades the commit again without undoing what a TA has decided."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import github_shapes as shapes  # noqa: E402
from github_world import HOOK_SECRET, world_of  # noqa: E402
from rubricd_testing import free_port, rubric, wait_until, write  # noqa: E402

SECONDS = 120
RUBRIC = """rubric: work
title: The work
items:
  - id: answer
    points: 10
    title: There is an answer
    passes: "The file answer.txt is there."
    check: {files: {present: answer.txt}}
  - id: convinces
    points: 5
    title: It convinces
    passes: "A reader is convinced."
    judge: ta
"""


def verdicts(world):
    """(origin, outcome of the item that a TA judges, who decided it), in their order."""
    found = []
    for origin, text in world.query("SELECT origin, json FROM verdict ORDER BY id"):
        [item] = [one for one in json.loads(text)["items"] if one["id"] == "convinces"]
        found.append((origin, item["outcome"], item.get("decided_by")))
    return found


def rerun(world, sha, guid=None):
    """Somebody presses "Re-run" beside the result; the status that the webhook answered."""
    repo = world.hub.repos["project-t0"]
    return world.hub.send_delivery("check_run", {
        "action": "rerequested", "check_run": {"id": 1, "head_sha": sha}, "repository": shapes.repository(world.hub, repo),
        "sender": shapes.user(world.hub, "login-0")}, guid)


def expect(claim, found, wanted):
    if found != wanted:
        raise SystemExit(f"FAILED: {claim}: {found} instead of {wanted}")
    print(f"  {claim}", flush=True)


def story(world):
    world.daemon.start()
    wait_until(world.web_url, SECONDS, "the role web listens")
    sha = world.push(0)
    wait_until(lambda: len(verdicts(world)) == 1, SECONDS, "it is graded")
    [flag] = world.query("SELECT id FROM flag WHERE kind = 'review'")
    rubric("review", flag[0], "pass", "-m", "it does", "-c", world.config)
    who = verdicts(world)[1][2]
    expect("a TA decides", verdicts(world)[1][:2], ("review", "pass"))

    world.daemon.stop()
    world.hub.set_hook(f"http://127.0.0.1:{free_port()}/nobody-listens", HOOK_SECRET)
    expect("a delivery does not arrive", rerun(world, sha), 0)
    world.daemon.start()
    wait_until(lambda: len(verdicts(world)) == 3, SECONDS, "the missed delivery is fetched and acted on")
    expect("a missed \"Re-run\" is fetched; what the TA decided holds", verdicts(world)[2], ("regrade", "pass", who))
    asked = [one["path"] for one in world.hub.requests("GET", "/app/hook/deliveries/")]
    expect("of the deliveries only what was missed is read", len(asked), 1)

    wait_until(world.web_url, SECONDS, "the role web listens again")
    for _ in range(3):  # GitHub's redelivery bears the GUID of the first
        world.hub.set_hook(world.web_url(), HOOK_SECRET)
        expect("a delivery is answered", rerun(world, sha, "11111111-2222-3333-4444-555555555555"), 202)
    wait_until(lambda: len(verdicts(world)) >= 4, SECONDS, "it is graded again")
    expect("another one is answered", rerun(world, sha), 202)
    wait_until(lambda: len(verdicts(world)) >= 5, SECONDS, "it is graded once more")
    expect("three deliveries of one GUID counted once", [one[0] for one in verdicts(world)], ["grade", "review", "regrade", "regrade", "regrade"])
    expect("nothing asks the TA again", world.query("SELECT count(*) FROM flag WHERE state = 'open'"), [(0,)])
    expect("nothing was charged for it", world.query("SELECT count(*) FROM submission"), [(1,)])


def main():
    with world_of(1, web=True) as world:
        world.hub.set_limits(enforced=False)
        write(world.work / "course/rubrics/work.yaml", RUBRIC)
        story(world)


if __name__ == "__main__":
    main()
