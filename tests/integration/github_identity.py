#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whose a push is, when the roster and GitHub disagree: a login in two teams is an error of the course, which `rubric check` names and no
daemon starts with; one that runs goes on with the last good roster. Unknown logins and authors are flagged, once, and never guessed."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from claims import expect  # noqa: E402
from github_world import GOOD, world_of  # noqa: E402
from rubricd_testing import programs, wait_until  # noqa: E402

SECONDS = 120
TWICE = 'roster.csv:4:27: error: the GitHub login "Login-0" is in line 2 too'


def owners(world):
    """revision -> owners it was taken for."""
    found = {}
    for revision, owner in world.query("SELECT revision, owner FROM submission"):
        found.setdefault(revision, []).append(owner)
    return found


def taken(world, sha, what):
    wait_until(lambda: sha in owners(world), SECONDS, what)
    return owners(world)[sha]


def log(world):
    return (world.work / "log").read_text()


def doubts(world):
    return world.flags("owner")


def login_in_two_teams(world, roster, good):
    """Before it starts, and while it runs."""
    twin = good + "s9,Twin,s9@example.edu,t1,Login-0\n"
    roster.write_text(twin)
    done = subprocess.run([programs() / "rubric", "check", world.work / "course"], capture_output=True, text=True)
    expect("`rubric check` tells a login in two teams, whatever its case", done.returncode == 1 and TWICE in done.stdout + done.stderr,
           (done.returncode, done.stdout, done.stderr))
    world.daemon.start()
    wait_until(lambda: TWICE in log(world), SECONDS, "the daemon says so")
    expect("no daemon starts with it", not world.query("SELECT id FROM submission"), log(world))
    world.daemon.stop()
    roster.write_text(good)
    world.daemon.start()
    first = world.push(0)
    expect("mended, it is its only team's", taken(world, first, "the first push") == ["t0"], owners(world))
    roster.write_text(twin)
    wait_until(lambda: 'course_has_errors' in log(world) and "the last good version" in log(world), SECONDS, "the error is met while it runs")
    second, other = world.push(0), world.push(1)
    expect("met while it runs, the last good roster holds",
           (taken(world, second, "a push meanwhile"), taken(world, other, "another's push meanwhile")) == (["t0"], ["t1"]), owners(world))
    expect("and nobody is guessed at", not doubts(world), doubts(world))
    roster.write_text(good)


def push_as(world, i, login, email):
    return world.hub.push(f"project-t{i}", files={**GOOD, "of.txt": f"{login} {email}\n"}, actor=login, author=f"Somebody <{email}>")


def strangers(world, roster, good):
    sha = push_as(world, 0, "mallory", "mallory@example.org")
    expect("a push by an unknown login is the repository's owner's", taken(world, sha, "an unknown login's push") == ["t0"], owners(world))
    told = [one for one in doubts(world) if '"mallory" (whom the roster does not know)' in one]
    expect("and a flag names the login and the commit's author", len(told) == 1 and '"mallory@example.org"' in told[0], doubts(world))
    sha = push_as(world, 0, "mallory", "mallory@example.org")
    taken(world, sha, "another one")
    expect("once", len(doubts(world)) == 1, doubts(world))
    sha = push_as(world, 1, "login-0", "s1@example.edu")
    expect("a push by somebody of another team stays the repository's owner's", taken(world, sha, "the other team's push") == ["t1"], owners(world))
    expect("and a flag says whose they are", any('"login-0" (s0 of "t0")' in one for one in doubts(world)), doubts(world))
    n = len(doubts(world))
    roster.write_text(good + "s9,Ninth,ninth@example.edu,t1,ninth\n")
    wait_until(lambda: log(world).count("course_loaded") >= 2, SECONDS, "the roster is read again")
    sha = push_as(world, 1, "ninth", "9+ninth@users.noreply.github.com")
    taken(world, sha, "the new one's push")
    expect("who is in the roster by now is none, nor is GitHub's hidden address of them", len(doubts(world)) == n, doubts(world))


def main():
    with world_of(2) as world:
        world.hub.set_limits(enforced=False)
        roster = world.work / "course/roster.csv"
        good = roster.read_text()
        login_in_two_teams(world, roster, good)
        strangers(world, roster, good)


if __name__ == "__main__":
    main()
