#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small course with a personal access token: the organisation's newest repositories by REST, free by ETag while nothing moves; the
second page only as far as pushes are new; results as commit statuses; nothing that takes an App."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from claims import expect  # noqa: E402
from github_world import world_of  # noqa: E402
from rubricd_testing import rubric, wait_until  # noqa: E402

SECONDS = 120


def lists(world):
    """(page, status) of each request for the organisation's repositories."""
    return [(one["query"].get("page", "1"), one["status"]) for one in list(world.hub.requests("GET", "/orgs/course/repos"))]


def is_shown(world, i, sha):
    world.hasten()
    return any(one["sha"] == sha and one["context"] == "results/m1" and one["state"] == "success" for one in world.hub.written(f"project-t{i}")["statuses"])


def idle(world):
    """While nothing moves, a look is one request that costs nothing."""
    def used():
        return world.hub.limits.window("teacher", "core")[0]
    n = len(lists(world))
    wait_until(lambda: lists(world)[n:][-2:] == [("1", 304)] * 2, SECONDS, "the list rests")
    n, before, n_all = len(lists(world)), used(), len(world.hub.log)
    wait_until(lambda: len(lists(world)) >= n + 4, SECONDS, "four looks more")
    looks = lists(world)[n:]
    expect("four looks while nothing moves are 304 and cost no request of the hour's", set(looks) == {("1", 304)} and used() == before, (looks, used(), before))
    expect("and nothing else is asked", len(world.hub.log) - n_all - len(looks) <= 1, world.hub.log[n_all:])


def story(world):
    hub = world.hub
    hub.many("other", 150, pushed_at=1000000000)  # somebody else's, pushed to long ago
    first = world.push(0)
    world.daemon.start()
    wait_until(lambda: is_shown(world, 0, first), SECONDS, "the first push has its status")
    expect("the first look reads both pages", {"1", "2"} <= {page for page, _ in lists(world)}, lists(world))
    idle(world)
    n = len(lists(world))
    second = world.push(1)
    wait_until(lambda: is_shown(world, 1, second), SECONDS, "the second push has its status")
    expect("a push is seen on the first page alone", {page for page, _ in lists(world)[n:]} == {"1"}, lists(world)[n:])
    # To hasten is to forget the limits until the next request.
    wait_until(lambda: "github     token, http://127.0.0.1" in rubric("status", "-c", world.config), SECONDS, "`rubric status` names the token")
    out = rubric("status", "-c", world.config)
    expect("`rubric status` knows the token's limits", "REST requests: " in out, out)
    of_app = [one["path"] for one in hub.log if "/check-runs" in one["path"] or one["path"].startswith("/app")]
    expect("nothing is asked that takes an App", not of_app, of_app)
    expect("each push was taken once", len(world.query("SELECT id FROM submission")) == 2, world.query("SELECT revision FROM submission"))


def main():
    with world_of(2, token=True) as world:
        story(world)


if __name__ == "__main__":
    main()
