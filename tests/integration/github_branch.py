#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Results as files on a branch of the student's repository, pushed by git's smart HTTP: none of GitHub's counted writes is used, each result
is there once though the daemon is killed between the push and its commit, what students do to the branch harms nobody, and the branch is
never a submission."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from claims import expect  # noqa: E402
from github_world import BAD, HOOK_SECRET, world_of  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

N = 5
SECONDS = 120
BRANCH = "refs/heads/rubricd/results"
PUSHES = "POST /course/project-t{}.git/git-receive-pack"
# An assignment that would take any branch, tag or pull request that there is.
GREEDY = """  m2: {title: Anything, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {tag: "*", pull_request: main}}
"""


def git(world, i, *arguments):
    done = subprocess.run(["git", "-C", world.hub.repos[f"project-t{i}"].path, *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def files(world, i):
    out = git(world, i, "ls-tree", "-r", "--name-only", BRANCH)
    return out.splitlines() if out else []


def show(world, i, name):
    return git(world, i, "show", f"{BRANCH}:{name}") or ""


def commits(world, i, sha):
    """How many there are of the result of this commit. An older result may be written anew: it tells that there is a newer one."""
    return int(git(world, i, "rev-list", "--count", f"--grep=^Submission {submission_of(world, sha)}, verdict 1, of {sha}", BRANCH) or 0)


def submission_of(world, sha):
    found = world.query("SELECT id FROM submission WHERE revision = ? AND assignment = 'm1'", sha)
    return found[0][0] if found else 0


def name_of(world, sha):
    return f"results/m1/{submission_of(world, sha)}-1.md"


def is_posted(world, sha):
    return bool(world.query("SELECT id FROM outbox WHERE state = 'done' AND submission_id = ?", submission_of(world, sha)))


def settle(world, i, sha, what):
    def is_there():
        world.hasten()
        return name_of(world, sha) in files(world, i) and is_posted(world, sha)
    wait_until(is_there, SECONDS, what)


def first_results(world):
    pushed = [(i, world.push(i, files=BAD if i == 0 else None)) for i in range(N)]
    for i, sha in pushed:
        settle(world, i, sha, f"the result of project-t{i}")
        points = "0 of 10" if i == 0 else "10 of 10"
        page, newest = show(world, i, name_of(world, sha)), show(world, i, "results/m1/README.md")
        if points not in page or newest != page or files(world, i) != [name_of(world, sha), "results/m1/README.md"] or commits(world, i, sha) != 1:
            raise SystemExit(f"project-t{i}: {files(world, i)}, {commits(world, i, sha)} commits:\n{page}")
    expect("each result is a file in one commit, beside it README.md, the newest", True, "")
    about = git(world, 1, "log", "-1", "--format=%an <%ae> %s %b", BRANCH)
    expect("the commit says what it is of", about.startswith("rubricd <rubricd@localhost> results/m1: 10 of 10 points") and pushed[1][1] in about, about)
    writes = [one for one in world.hub.log if one["method"] != "GET" and not one["path"].startswith(("/app/", "/graphql"))]
    expect("nothing is written by the API", not writes, writes)
    reads = [one["path"] for one in world.hub.log if one["path"].startswith("/repos/") and "/activity" not in one["path"]]
    expect("and one request is asked a result", sorted(reads) == [f"/repos/course/project-t{i}" for i in range(N)], reads)


def later_results(world):
    first = name_of(world, git(world, 1, "rev-parse", "refs/heads/main"))
    sha = world.push(1, files=BAD)
    settle(world, 1, sha, "a second result")
    expect("a second result is a second file and the newest",
           first in files(world, 1) and show(world, 1, "results/m1/README.md") == show(world, 1, name_of(world, sha)), files(world, 1))
    expect("by one commit on top of the first", commits(world, 1, sha) == 1 and git(world, 1, "rev-parse", BRANCH + "~1"), commits(world, 1, sha))


def killed(world):
    """At the worst moment: the push is done, nothing here knows of it."""
    stalled = world.hub_folder / "git-stalled"
    world.git.fault("stall", only=PUSHES.format(2))
    sha = world.push(2)
    wait_until(stalled.exists, SECONDS, "a push is done and not answered")
    world.daemon.kill()
    stalled.unlink()
    expect("killed between the push and its commit", commits(world, 2, sha) == 1 and not is_posted(world, sha), commits(world, 2, sha))
    world.daemon.start()
    settle(world, 2, sha, "the result after the kill")
    expect("the result is there once", commits(world, 2, sha) == 1 and files(world, 2).count(name_of(world, sha)) == 1, files(world, 2))
    left = [one.name for one in (world.work / "state/blobs/new").iterdir()]
    expect("what the killed one had made is cleared away", not [one for one in left if one.startswith("results-")], left)


def broken(world):
    """Git breaks at each step, and the token is taken back."""
    for only in ("service=git-upload-pack", PUSHES.format(3)):
        for status in (500, "reset"):
            world.git.fault(status, only=only)
    world.hub.expire_tokens()
    sha = world.push(3)
    settle(world, 3, sha, "a result while git breaks")
    expect("git that breaks at each step and a token taken back cost a try, not a result", commits(world, 3, sha) == 1, commits(world, 3, sha))


def vandals(world):
    """A student rewrites the branch, puts a file where our folder is, and removes it."""
    world.hub.push("project-t4", BRANCH, files={"results": "mine\n", "keep.txt": "theirs\n"}, forced=True)
    sha = world.push(4)
    settle(world, 4, sha, "a result on a branch that a student changed")
    expect("what a student put in our place is replaced, the rest and their history stay",
           "10 of 10" in show(world, 4, name_of(world, sha)) and "keep.txt" in files(world, 4), files(world, 4))
    world.hub.push("project-t4", BRANCH, sha="")
    sha = world.push(4)
    settle(world, 4, sha, "a result on a branch that a student deleted")
    expect("a branch that was deleted begins anew", "keep.txt" not in files(world, 4), files(world, 4))


def never_handed_in(world):
    world.hub.set_hook(world.web_url(), HOOK_SECRET)  # so that it hears of our pushes, too
    world.hub.pull_request("project-t0", "rubricd/results", user="login-0")
    known = {row[0] for row in world.query("SELECT revision FROM submission")}
    sha = world.push(0)
    settle(world, 0, sha, "a result that the webhook tells of")
    again = world.push(0, "refs/tags/last")  # taken after whatever our pushes led to
    wait_until(lambda: world.query("SELECT id FROM submission WHERE revision = ?", again), SECONDS, "a later push is taken")
    new = {row[0] for row in world.query("SELECT revision FROM submission")} - known
    expect("our own pushes and a pull request of them are no submissions", new == {sha, again}, new)
    told = [one for one in world.hub.deliveries if one["payload"].get("ref") == BRANCH and one["status_code"] // 100 == 2]
    expect("though the webhook told of them", len(told) >= 1, world.hub.deliveries)


def judge(world):
    refused = [line for line in world.git.log() if not line[1]]
    expect("git never asked without its credential", not refused, refused)
    flags = world.flags("post") + world.flags("source")
    expect("nobody is bothered", not flags, flags)
    print(f"  {len(world.git.log())} requests of git, {len(world.hub.log)} to the API")


def main():
    sinks = "  - github: {name: results, write: branch}\n"
    with world_of(N, sinks=sinks, web=True, course={"assignments": GREEDY}) as world:
        world.hub.set_limits(enforced=False)
        world.daemon.start()
        for story in (first_results, later_results, killed, broken, vandals, never_handed_in):
            story(world)
        judge(world)


if __name__ == "__main__":
    main()
