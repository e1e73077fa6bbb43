#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rubricd asks of GitHub as it looks for submissions, by an App and by a personal access token, against GitHub's descriptions: REST
as in github.py, GraphQL queries and the stand-in's answers to them against GitHub's schema (npm @octokit/graphql-schema). Bad variants of
both are refused, so that a good one proves something."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import github as contract  # it says so and ends when a package is not here
import github_shapes as shapes
from github_world import HOOK_SECRET, World
from rubricd_testing import free_port, wait_until

SCHEMA = contract.PACKAGES / "graphql-schema/schema.graphql"
SECONDS = 120
OF_APP = [
    ("get", "/app/installations"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/app/hook/deliveries"),
    ("get", "/app/hook/deliveries/{delivery_id}"),
    ("get", "/repos/{owner}/{repo}/activity"),
]
OF_TOKEN = [
    ("get", "/orgs/{org}/repos"),
    ("get", "/repos/{owner}/{repo}/activity"),
]
# Every way to hand in, and two branches and bases, so that each field that rubricd can ask for is asked for.
ASSIGNMENTS = """  m2: {title: By pull request, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {pull_request: main}}
  m3: {title: Another base, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {pull_request: late}}
  m4: {title: By release, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {release: "v*"}}
"""
BY_TEAM = 'github: {organization: course, team: "{team.id}"}'


def hand_in(world):
    """In each way; returns how many submissions that makes."""
    commit = world.push(0)
    world.push(1)
    world.push(0, "refs/heads/late")
    for tag in ("v1", "submit/m1"):
        world.hub.push("project-t0", "refs/tags/" + tag, commit, annotated=True)
    world.push(1, "refs/heads/feature")
    world.hub.pull_request("project-t1", "feature", user="login-1")
    world.hub.release("project-t0", "v1", user="login-0")
    return 6


def run(folder, token):
    """A daemon that sees it all; the stand-in's log."""
    every = "1s" if token else "60s"  # so that the App's delivery is looked into by itself, not in a look that is due anyway
    course = {"assignments": ASSIGNMENTS} if token else {"assignments": ASSIGNMENTS, "connections": BY_TEAM}
    world = World(folder, 2, token=token, web=not token, every=every, course=course)
    world.hub.repository("handout")
    for i in range(2):
        world.hub.team(f"t{i}", repos=[f"project-t{i}"], reads=["handout"])
    world.hub.set_limits(enforced=False)
    world.hub.set_hook(f"http://127.0.0.1:{free_port()}/nobody-listens", HOOK_SECRET)
    n = hand_in(world)
    world.hub.hook = None if token else world.hub.hook
    world.daemon.start()
    try:
        wait_until(lambda: len(world.query("SELECT id FROM submission")) >= n, SECONDS, f"{n} submissions are taken")
        if not token:  # a release's delivery does not say what commit: its repository is looked at
            wait_until(world.web_url, SECONDS, "the role web listens")
            world.hub.set_hook(world.web_url(), HOOK_SECRET)
            repo = world.hub.repos["project-t0"]
            world.hub.send_delivery("release", {"action": "published", "repository": shapes.repository(world.hub, repo),
                                                "sender": shapes.user(world.hub, "login-0")})
        wait_until(lambda: any("nodes(" in one["body"]["query"] for one in world.hub.requests("POST", "/graphql")), SECONDS, "refs are asked for")
        written = "statuses" if token else "check_runs"
        wait_until(lambda: sum(len(world.hub.written(f"project-t{i}")[written]) for i in range(2)) >= 2, SECONDS, "results are written")
    finally:
        world.close()
    return world.hub.log


def check_graphql(log):
    calls = [{"query": one["body"]["query"], "variables": one["body"]["variables"], "answer": one["answer"]}
             for one in log if one["path"] == "/graphql"]
    done = subprocess.run([shutil.which("node"), pathlib.Path(__file__).with_name("graphql.js")], capture_output=True, text=True,
                          input=json.dumps({"schema": str(SCHEMA), "calls": calls}))
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    out = json.loads(done.stdout)
    print(f"  {len(calls)} GraphQL queries of {out['queries']} kinds and {out['answers']} answers; {out['bad_queries']} bad queries and "
          f"{out['bad_answers']} bad answers refused")
    failed = list(dict.fromkeys(out["problems"]))
    if not (out["queries"] and out["bad_queries"] > 20 and out["bad_answers"] > 20):
        failed.append("too little was asked to prove anything")
    return failed


def main():
    if not SCHEMA.exists() or not shutil.which("node"):
        print("skipped: GitHub's GraphQL schema or node is not here; `./dev test` installs the one where npm is reachable")
        sys.exit(77)
    failed = []
    for token, operations in ((False, OF_APP), (True, OF_TOKEN)):
        with tempfile.TemporaryDirectory(prefix="rubric-contract-") as name:
            log = run(name, token)
        asked = [one for one in log if not re.search("^/graphql$|/check-runs|/statuses", one["path"])]  # what is posted has its own test
        failed += contract.check_requests(asked, contract.Description(operations))
        failed += check_graphql(log)
    if failed:
        raise SystemExit("FAILED:\n  " + "\n  ".join(failed[:40]))
    print("GitHub's descriptions, what we ask and what the stand-in answers agree")


if __name__ == "__main__":
    main()
