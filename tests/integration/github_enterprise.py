#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GitHub Enterprise Server: all that is told is `api: https://HOST/api/v3`. REST goes below /api/v3, GraphQL to /api/graphql, git to the host
itself; by an App and by a personal access token, with results that are written by REST and by git."""

import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from claims import expect  # noqa: E402
from github_world import world_of  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

SECONDS = 120
BRANCH = "refs/heads/rubricd/results"


def is_written(world, i, sha):
    world.hasten()
    there = world.hub.written(f"project-t{i}")
    beside = [one for one in there["check_runs"] if one["head_sha"] == sha and one["conclusion"]] + \
             [one for one in there["statuses"] if one["sha"] == sha]
    return bool(beside) and BRANCH in world.hub.repos[f"project-t{i}"].refs


def kinds(world):
    """Of the requests: how many of each, and what went where GitHub has nothing."""
    paths = [one["path"] for one in list(world.hub.log)]
    count = collections.Counter("GraphQL" if path == "/graphql" else "REST" for path in paths)
    return count, [path for path in paths if path.startswith("/no-path-of-ours")]


def run(token):
    who = "a token" if token else "an App"
    sinks = "  - github: {name: results}\n  - github: {name: pushed, write: branch}\n"
    with world_of(2, token=token, enterprise=True, sinks=sinks) as world:
        world.hub.set_limits(enforced=False)
        world.hub.many("other", 120, pushed_at=1000000000)  # so that the list has a second page
        pushed = [(i, world.push(i)) for i in range(2)]
        world.daemon.start()
        wait_until(lambda: all(is_written(world, i, sha) for i, sha in pushed), SECONDS, f"results by {who}")
        count, strays = kinds(world)
        expect(f"by {who}, {count['REST']} requests of REST and {count['GraphQL']} of GraphQL go where an Enterprise Server has them",
               not strays and count["REST"] and count["GraphQL"], (count, strays))
        git = world.git.log()
        expect(f"so do {len(git)} of git, with the credential", git and all(status == "200" and sent for status, sent, _ in git), git)
        places = {row[0].split("#")[0] for row in world.query("SELECT location FROM submission")}
        expect("people are sent to the host itself", places == {f"{world.hub.host}/course/project-t{i}" for i in range(2)}, places)


def main():
    for token in (False, True):
        run(token)


if __name__ == "__main__":
    main()
