# SPDX-License-Identifier: Apache-2.0
"""A course whose teams hand in by GitHub, whole: the stand-in of its API, git's smart HTTP beside it, and the real daemon over both."""

import contextlib
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time

import github_standin
from git_http import GitHttp
from rubricd_testing import Daemon, store, write

GOOD, BAD = {"answer.txt": "42\n"}, {"notes.txt": "to do\n"}
HOOK_SECRET = "a secret of this test alone"


CONNECTIONS = 'github: {organization: course, repositories: "project-{team.id}"}'


def make_course(folder, n, connections=CONNECTIONS, assignments=""):
    """m1 is due in a long time (branch main, tags submit/m1*), m0 was due an hour ago (branch late); team tN is student sN alone.
    `assignments`: more lines of YAML."""
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    write(folder / "course.yaml", f"""course: hub
title: A course on GitHub
timezone: America/New_York
assignments:
  m0: {{title: First steps, kind: milestone, owner: team, deadline: "{due}", rubric: work, submit: {{branch: late}}}}
  m1: {{title: First model, kind: milestone, owner: team, deadline: "2090-01-01 12:00", rubric: work, submit: {{branch: main, tag: "submit/m1*"}}}}
{assignments}connections:
  {connections}
tokens:
  banks:
    team: {{pool: 7}}
  late: {{unit: started_day, price: 1}}
  without_tokens: {{team: refused}}
""")
    write(folder / "rubrics/work.yaml", """rubric: work
title: The work
items:
  - id: answer
    points: 10
    title: There is an answer
    passes: "The file answer.txt is there."
    check: {files: {present: answer.txt}}
""")
    people = "".join(f"s{i},Student {i},s{i}@example.edu,t{i},login-{i}\n" for i in range(n))
    write(folder / "roster.csv", "id,name,email,team,github\n" + people)
    return folder


class World:
    """`n` repositories project-t0...; `sinks`: lines of YAML; `source`: more settings of it, after a comma; `token`: a personal access token instead
    of the App; `enterprise`: an Enterprise Server, of which only `api` is told; `course`: arguments of make_course."""

    def __init__(self, folder, n, sinks="  - github: {name: results}\n", token=False, web=False, every="1s", source="", course=None, enterprise=False, **settings):
        self.folder, self.n = pathlib.Path(folder), n
        self.hub_folder = self.folder / "hub"
        self.git = GitHttp(self.hub_folder)
        self.hub = github_standin.Github(self.hub_folder, git=True, git_url=self.git.url, enterprise=enterprise)
        self.hub.git_http = self.git
        for i in range(n):
            self.hub.repository(f"project-t{i}")
        self.work = self.folder / "work"
        make_course(self.work / "course", n, **(course or {}))
        self.secrets = self.folder / "secrets"
        self.hook_secret = write(self.secrets / "hook", HOOK_SECRET)
        self.hook_secret.chmod(0o600)
        if token:
            self.token = self.hub.pat()
            write(self.secrets / "token", self.token + "\n").chmod(0o600)
            who = f"token_file: {self.secrets}/token"
        else:
            shutil.copy(self.hub.key.path, self.secrets / "app.pem")
            (self.secrets / "app.pem").chmod(0o600)
            who = f"app: {{id: {self.hub.app_id}, key_file: {self.secrets}/app.pem}}"
        more = "".join(f"{key}: {value}\n" for key, value in settings.items())
        git = "" if enterprise else f'git: "{self.git.url}", '
        listen = 'web: {listen: "127.0.0.1:0"}\n' if web else ""
        self.config = write(self.work / "rubricd.yaml", f"""course: course
state: state
grade_processes: 2
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu] # tests run for an ordinary user as well
github: {{api: "{self.hub.url}", {git}{who}, webhook_secret_file: {self.hook_secret}}}
{listen}{more}sources:
  - github: {{name: github, every: {every}{source}}}
sinks:
{sinks}""")
        self.daemon = Daemon(self.config, self.work / "log")

    def push(self, i, ref="refs/heads/main", files=None, **more):
        """As the team's student; what is pushed differs each time."""
        files = {**(GOOD if files is None else files), "round.txt": f"{time.time_ns()}\n"}
        return self.hub.push(f"project-t{i}", ref, files=files, actor=f"login-{i}", author=f"Student {i} <s{i}@example.edu>", **more)

    def runs(self, i, sha, assignment="m1", sink="results"):
        return [one for one in self.hub.written(f"project-t{i}")["check_runs"]
                if one["head_sha"] == sha and one["name"] == f"{sink}/{assignment}"]

    def is_shown(self, pushed, assignment="m1"):
        """`pushed`: (number, sha) of each; has every one of them its finished check run?"""
        self.hasten()
        return all(any(run["status"] == "completed" for run in self.runs(i, sha, assignment)) for i, sha in pushed)

    def query(self, text, *values):
        """Rows of the daemon's store; none as long as it has not made it."""
        try:
            connection = store(self.work)
            rows = [tuple(row) for row in connection.execute(text, values).fetchall()]
            connection.close()
            return rows
        except (ValueError, sqlite3.OperationalError) as problem:
            if isinstance(problem, ValueError) or "no such table" in str(problem):
                return []
            raise

    def flags(self, kind):
        return [row[0] for row in self.query("SELECT message FROM flag WHERE kind = ?", kind)]

    def hasten(self):
        """Moves time on: what waits for the next minute's writes, or for another try, need not any more."""
        try:
            connection = sqlite3.connect(self.work / "state/rubricd.db", timeout=30)
            with connection:
                connection.execute("UPDATE cursor SET json = '{}' WHERE source = 'github:budget'")
                connection.execute("UPDATE outbox SET not_before_us = 0 WHERE state = 'queued'")
            connection.close()
        except sqlite3.OperationalError:
            pass  # the daemon has not made it yet

    def web_url(self):
        address = self.work / "state/run/web.address"
        return f"http://{address.read_text().strip()}/github/webhook" if address.exists() else None

    def close(self):
        self.daemon.stop()
        self.git.close()
        self.hub.close()


@contextlib.contextmanager
def world_of(n, **options):
    """A World in a folder of its own, closed at the end. When a story fails, the end of the daemon's log is shown."""
    with tempfile.TemporaryDirectory(prefix="rubric-github-") as name:
        world = World(name, n, **options)
        try:
            yield world
        except SystemExit:
            print("\n".join((world.work / "log").read_text().splitlines()[-40:]), file=sys.stderr)
            raise
        finally:
            world.close()
