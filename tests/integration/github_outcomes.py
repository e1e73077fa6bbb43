#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of each thing that students do to a repository: each is done for real, in git and in the stand-in of GitHub, a daemon looks
on, and what it took and flagged is held against the table of docs/guides/github.md."""

import itertools
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from github_world import GOOD, world_of  # noqa: E402
from rubricd_testing import wait_until  # noqa: E402

SECONDS = 240
GUIDE = pathlib.Path(__file__).parents[2] / "docs/guides/github.md"
ASSIGNMENTS = """  m2: {title: By pull request, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {pull_request: main}}
  m3: {title: By release, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {release: "v*"}}
"""
MAIN, TAG = "refs/heads/main", "refs/tags/submit/m1"
STORIES = {}  # row of the guide's table -> story


class Story:
    """What happens to the repository of team tN. A step ends at a `yield` of what must be taken by then; "judge" are the commits that the
    row is about, when these are not all that was pushed."""

    def __init__(self, world, i, tell):
        self.world, self.i, self.name = world, i, f"project-t{i}"
        self.number = world.hub.repos[self.name].id
        self.pushed, self.judged = [], None
        self.steps = tell(self)

    def push(self, ref=MAIN, **more):
        sha = self.world.push(self.i, ref, **more)
        self.pushed.append(sha)
        return sha

    def rows(self):
        found = self.world.query("SELECT revision, state FROM submission WHERE external_id LIKE ?", f"{self.number}:%")
        return [(revision.removeprefix("refused:"), state) for revision, state in found]

    def has(self, commits):
        return set(commits) <= {revision for revision, _ in self.rows()}

    def flags(self):
        return {row[0] for row in self.world.query(
            "SELECT f.kind FROM flag f LEFT JOIN submission s ON s.id = f.submission_id WHERE s.external_id LIKE ? OR f.item IN (?, ?)",
            f"{self.number}:%", f"course/project-t{self.i}", f"t{self.i}")}

    def taken(self):
        states = dict(self.rows())
        about = self.pushed if self.judged is None else self.judged
        if about and all(states.get(sha) == "refused" for sha in about):
            return "refused"
        n = sum(sha in states for sha in about)
        return "nothing" if n == 0 else "all" if n == len(about) else "the rest"


def story(row):
    def add(tell):
        STORIES[row] = tell
        return tell
    return add


@story("a push to the branch")
def branch(it):
    yield [it.push()]
    yield [it.push(), it.push()]


@story("a tag that fits the pattern, annotated or not")
def tag(it):
    sha = it.push("refs/heads/work")
    it.world.hub.push(it.name, TAG, sha)
    yield [sha]
    sha = it.push("refs/heads/work")
    it.world.hub.push(it.name, TAG + "-final", sha, annotated=True)
    yield [sha]


@story("another tag or branch")
def other_tag(it):
    sha = it.push("refs/heads/work")
    it.world.hub.push(it.name, "refs/tags/v0", sha)
    yield []


@story("a pull request to the branch")
def pull(it):
    base = it.push()
    head = it.push("refs/heads/feature")
    it.world.hub.pull_request(it.name, "feature", user=f"login-{it.i}")
    yield [base, head]


@story("a pull request from a fork")
def fork_pull(it):
    base = it.push()
    sha = it.world.hub.commit(it.name, "refs/forks/feature", {**GOOD, "of": "a fork"}, author=f"Student <s{it.i}@example.edu>")
    it.pushed.append(sha)
    it.world.hub.pull_request(it.name, "feature", user=f"login-{it.i}", sha=sha)
    yield [base, sha]


@story("a release that fits the pattern")
def release(it):
    sha = it.push("refs/heads/work")
    it.world.hub.push(it.name, "refs/tags/v1", sha)
    it.world.hub.release(it.name, "v1", user=f"login-{it.i}")
    yield [sha]


@story("a draft of a release")
def draft(it):
    sha = it.push("refs/heads/work")
    it.world.hub.push(it.name, "refs/tags/v1", sha)
    it.world.hub.release(it.name, "v1", draft=True)
    yield []


@story("force-push, rewritten history")
def force_push(it):
    yield [it.push()]
    yield [it.push(forced=True)]


@story("a tag is moved")
def moved_tag(it):
    yield [it.push(TAG)]
    yield [it.push(TAG, forced=True)]


@story("a branch or tag is deleted")
def deleted_ref(it):
    yield [it.push(), it.push(TAG)]
    for ref in (MAIN, TAG):
        it.world.hub.push(it.name, ref, "")
    yield []


@story("pushed over before it was fetched, GitHub still has it")
def pushed_over(it):
    it.world.hub.repos[it.name].git("config", "uploadpack.allowAnySHA1InWant", "true")
    yield [it.push()]
    it.world.daemon.stop()
    over = it.push()
    yield [over, it.push(forced=True)]


@story("pushed over before it was fetched, and cleared away")
def cleared_away(it):
    yield [it.push()]
    it.world.daemon.stop()
    it.push()
    sha = it.push(forced=True)
    it.world.hub.repos[it.name].git("gc", "--quiet", "--prune=now")
    yield [sha]


@story("renamed or transferred")
def renamed(it):
    yield [it.push()]
    it.world.hub.rename(it.name, f"elsewhere-{it.i}")
    sha = it.world.hub.push(f"elsewhere-{it.i}", MAIN, files=GOOD, actor=f"login-{it.i}", author=f"Student <s{it.i}@example.edu>")
    it.pushed.append(sha)
    yield [sha]


@story("another repository under an old name")
def old_name(it):
    yield [it.push()]
    it.world.hub.rename(it.name, f"away-{it.i}")
    it.world.hub.repository(it.name)
    it.judged = [it.push()]
    yield []


@story("the repository is deleted, or hidden from the credential")
def deleted(it):
    yield [it.push()]
    it.world.hub.delete(it.name)
    yield []


@story("archived")
def archived(it):
    sha = it.push()
    yield [sha]
    wait_until(lambda: it.world.is_shown([(it.i, sha)]), SECONDS, "its result is there before it is archived")
    it.world.hub.set(it.name, archived=True)
    yield []


@story("a fork")
def fork(it):
    it.world.hub.set(it.name, fork=True)
    yield [it.push()]


@story("empty")
def empty(it):
    yield []


@story("submodules")
def submodules(it):
    yield [it.push(submodules=("library",))]


@story("Git LFS")
def lfs(it):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    yield [it.push(files={**GOOD, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "model.bin": pointer})]


@story("larger than 1 GiB")
def too_large(it):
    it.world.hub.set(it.name, size=2 << 20)  # KiB
    yield [it.push()]


@story("an unknown login")
def unknown_login(it):
    sha = it.world.hub.push(it.name, MAIN, files=GOOD, actor="mallory", author=f"Student <s{it.i}@example.edu>")
    it.pushed.append(sha)
    yield [sha]


@story("an unknown author of a commit")
def unknown_author(it):
    sha = it.world.hub.push(it.name, MAIN, files=GOOD, actor=f"login-{it.i}", author="Mallory <mallory@example.org>")
    it.pushed.append(sha)
    yield [sha]


@story("somebody of another team")
def other_team(it):
    sha = it.world.hub.push(it.name, MAIN, files=GOOD, actor="login-0", author=f"Student <s{it.i}@example.edu>")
    it.pushed.append(sha)
    yield [sha]


def play(world, stories):
    """All stories at once, step by step; the daemon is started at each step, for what happened while it was down."""
    for step in itertools.count(1):
        wanted = {one: next(one.steps, None) for one in stories}
        if all(commits is None for commits in wanted.values()):
            return
        if not world.daemon.is_running():
            world.daemon.start()
        missing = lambda: [one.name for one, commits in wanted.items() if commits and not one.has(commits)]
        try:
            wait_until(lambda: not missing(), SECONDS, f"step {step} is taken")
        except SystemExit as late:
            raise SystemExit(f"{late}: {[(row, one.name) for row, one in zip(STORIES, stories) if one.name in missing()]}") from None


def look_again(world):
    """A whole look more, from the beginning: what is not taken now will not be."""
    world.daemon.stop()
    n_before = len(world.hub.requests("POST", "/graphql"))
    world.daemon.start()
    wait_until(lambda: len(world.hub.requests("POST", "/graphql")) >= n_before + 4, SECONDS, "all is looked at again")


def row_of(cells):
    return "| " + " | ".join(cells) + " |"


def read_guide():
    """First three columns of the table: what happens, what is taken, flags."""
    text = GUIDE.read_text().split("## What happens when", 1)[1].split("\n## ", 1)[0]
    rows = [re.split(r" *\| *", line.strip().strip("|").strip())[:3] for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row for row in rows if row[0] != "what happens"}


def main():
    only = sys.argv[1:]  # rows whose names hold one of these words; then the guide is not looked at
    for row in [row for row in STORIES if only and not any(word in row for word in only)]:
        del STORIES[row]
    with world_of(len(STORIES), course={"assignments": ASSIGNMENTS}) as world:
        world.hub.set_limits(enforced=False)
        stories = [Story(world, i, tell) for i, tell in enumerate(STORIES.values())]
        began = time.monotonic()
        play(world, stories)
        look_again(world)
        found = {row: [row, one.taken(), ", ".join(f"`{kind}`" for kind in sorted(one.flags()))] for row, one in zip(STORIES, stories)}
    for cells in found.values():
        print(row_of(cells))
    if only:
        return
    guide = read_guide()
    wrong = [f"the guide says {row_of(guide[row])}" if row in guide else f"the guide lacks {row_of(cells)}"
             for row, cells in found.items() if guide.get(row) != cells]
    wrong += [f"no story tells \"{row}\", which the guide has" for row in guide if row not in found]
    if wrong:
        raise SystemExit("FAILED:\n  " + "\n  ".join(wrong))
    print(f"{len(found)} rows, as the guide says, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
