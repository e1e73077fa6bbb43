# SPDX-License-Identifier: Apache-2.0
"""Submissions of GitHub that wait to be posted, made without the source: one is really graded, the others are its copies with an owner,
a repository and commit of their own. Some of them are still to be graded. For tests of the posting alone."""

import pathlib
import shutil
import sqlite3

import github_standin
from rubricd_testing import Daemon, make_course, store, wait_until, write

ANNOUNCE = ", announce_after: 0s"  # everything is: the more there is to break
SINKS = {"checks": "check_run", "statuses": "status", "comments": "comment"}


def make_world(folder, n, listen=None, n_waiting=0):
    """The stand-in with `n` repositories, a course, and a stopped daemon that has a result for each of them and each sink to post, or, of the
    last `n_waiting`, grades it first."""
    folder = pathlib.Path(folder)
    hub = github_standin.Github(folder / "github")
    hub.set_limits(enforced=False)  # GitHub's limits have tests of their own; here the clock is moved instead
    shutil.copy(hub.key.path, folder / "app.pem")
    (folder / "app.pem").chmod(0o600)
    write(folder / "hook-secret", "a secret of this test alone").chmod(0o600)
    course = make_course(folder / "course", n + 1, "2090-01-01 12:00", check='run: "sleep 2; test -f answer.txt"')
    about = course / "course.yaml"
    about.write_text(about.read_text().replace("owner: person,", "owner: person, comment: issue,"))
    write(folder / "inbox/hw1/s0000/answer.txt", "42\n")
    sinks = "".join(f"  - github: {{name: {name}, write: {way}, max_tries: 1000{ANNOUNCE if way == 'check_run' else ''}}}\n" for name, way in SINKS.items())
    config = write(folder / "rubricd.yaml", f"""course: {course}
state: state
grade_processes: 1
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu] # tests run for an ordinary user as well
github: {{api: "{hub.url}", git: "{hub.url}", app: {{id: {hub.app_id}, key_file: app.pem}}, webhook_secret_file: hook-secret}}
{f'web: {{listen: "{listen}"}}' if listen else ''}
sources:
  - folder: {{name: inbox, path: inbox, every: 200ms}}
sinks:
{sinks}""")
    daemon = Daemon(config, folder / "log")
    daemon.start()
    wait_until(lambda: is_posted(folder, 1), 120, "the model is graded")
    daemon.stop()
    plant(folder, hub, n, n_waiting)
    return hub, daemon


def is_posted(folder, n):
    try:
        connection = store(folder)
        [count] = connection.execute("SELECT count(*) FROM submission WHERE state = 'posted'").fetchone()
        connection.close()
        return count >= n
    except (ValueError, sqlite3.OperationalError):
        return False  # the daemon has not made it yet


def insert(connection, table, row):
    names = ", ".join(row)
    return connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values())).lastrowid


def plant(folder, hub, n, n_waiting):
    connection = sqlite3.connect(folder / "state/rubricd.db", timeout=10)
    connection.row_factory = sqlite3.Row
    submission = dict(connection.execute("SELECT * FROM submission WHERE state = 'posted'").fetchone())
    verdict = dict(connection.execute("SELECT * FROM verdict ORDER BY id DESC").fetchone())
    job = dict(connection.execute("SELECT * FROM job").fetchone())
    del submission["id"], verdict["id"], job["id"]
    waits = {"state": "fetched", "graded_us": 0, "decided_us": 0}
    queued = {"state": "queued", "attempt": 0, "worker": None, "lease_until_us": 0, "claimed_us": 0, "done_us": 0}
    with connection:
        for i in range(n):
            made = hub.repository(f"project-{i}")
            sha = hub.push(f"project-{i}")
            ref = "refs/heads/main" if i % 2 else f"refs/pull/{hub.pull_request(f'project-{i}', 'main')}/head"
            row = {**submission, "external_id": f"{made['id']}:{ref}:hw1", "revision": sha, "state": "graded", "posted_us": 0, "owner": f"s{i + 1:04d}",
                   "location": f"{hub.url}/{made['full_name']}#{ref}"}
            if i >= n - n_waiting:
                number = insert(connection, "submission", {**row, **waits})
                insert(connection, "job", {**job, **queued, "submission_id": number, "owner": row["owner"], "turn": i})
                continue
            number = insert(connection, "submission", row)
            of_it = insert(connection, "verdict", {**verdict, "submission_id": number})
            for sink in SINKS:
                insert(connection, "outbox", {"submission_id": number, "verdict_id": of_it, "sink": sink, "state": "queued", "queued_us": 1,
                                              "idempotency_key": f"{number}:{verdict['number']}:{sink}"})
    connection.close()


def hasten(folder):
    """Moves time on: nothing waits for a limit or another try any more."""
    connection = sqlite3.connect(folder / "state/rubricd.db", timeout=30)
    with connection:
        connection.execute("UPDATE cursor SET json = '{}' WHERE source = 'github:budget'")
        connection.execute("UPDATE outbox SET not_before_us = 0 WHERE state = 'queued'")
    connection.close()


def outbox(folder):
    """How many results there are in each state; announcements do not count."""
    connection = store(folder)
    counts = dict(connection.execute("SELECT state, count(*) FROM outbox WHERE verdict_id IS NOT NULL GROUP BY state").fetchall())
    connection.close()
    return counts


def is_settled(folder):
    """Is everything graded and posted, and no announcement under way?"""
    connection = store(folder)
    [n] = connection.execute("""SELECT (SELECT count(*) FROM submission WHERE state <> 'posted') +
                                       (SELECT count(*) FROM outbox WHERE state IN ('queued', 'claimed'))""").fetchone()
    connection.close()
    return n == 0
