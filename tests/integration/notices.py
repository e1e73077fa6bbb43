#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Digests to a stand-in of Slack: one for many flags, whatever the stand-in answers and whoever is killed meanwhile; a webhook that is
gone is left alone and flagged; the webhook's URL is nowhere but in its file."""

import http.server
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from rubricd_testing import Daemon, make_course, programs, store, wait_until, write  # noqa: E402

SECONDS = 120
SECRET = "T00000/B00000/only-this-test-knows-it"


class Slack(http.server.ThreadingHTTPServer):
    """Incoming webhooks: `script` has the answers to come (a status, (429, seconds), "reset", "lost": taken but the answer is lost),
    then all are taken. `messages`: the texts that arrived."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Hook)
        self.script, self.messages, self.bodies, self.n_requests = [], [], [], 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}"

    def handle_error(self, request, client_address):
        pass


class _Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.n_requests += 1
            step = self.server.script.pop(0) if self.server.script else 200
            if self.path != f"/services/{SECRET}":
                step = 404
            if step in (200, "lost"):
                self.server.messages.append(body["text"])
                self.server.bodies.append(body)
        if step in ("reset", "lost"):
            return
        status, wait = step if isinstance(step, tuple) else (step, None)
        answer = {200: b"ok", 404: b"no_service", 410: b"channel_is_archived", 500: b"rollup_error"}.get(status, b"")
        self.send_response(status)
        if wait is not None:
            self.send_header("Retry-After", str(wait))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


def make_world(folder, slack, every):
    """Two people, an inbox, one digest a span."""
    course = make_course(folder / "course", 2, "2030-01-01T00:00:00Z", "{}")
    write(course / "rubrics/hw1.yaml", """rubric: hw1
title: Homework 1
items:
  - {id: secret-thing, points: 10, title: A title nobody sees, passes: "It reads well.", judge: ta, visible: staff}
""")
    write(folder / "url", slack.url + "\n").chmod(0o600)
    (folder / "inbox/hw1").mkdir(parents=True)
    return write(folder / "rubricd.yaml", f"""course: {course}
state: state
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu]
sources:
  - folder: {{name: inbox, path: inbox, every: 200ms}}
sinks:
  - slack: {{name: staff, url_file: url, every: {every}, timeout: 5s}}
""")


def rows(folder, sql):
    try:
        with store(folder) as connection:
            return [dict(row) for row in connection.execute(sql)]
    except (sqlite3.OperationalError, ValueError):
        return []  # not there yet


def notices(folder, state):
    return rows(folder, f"SELECT * FROM notice WHERE state = '{state}'")


def hand_in(folder, owner, text="x"):
    write(folder / f"inbox/hw1/{owner}/answer.txt", text)


def check_secret(folder, daemon):
    """It is in no file but its own, and in no command line."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "url" and SECRET.encode() in path.read_bytes():
            raise SystemExit(f"{path} holds the webhook's URL")
    for pid in daemon.tree():
        for what in ("cmdline", "environ"):
            if SECRET.encode() in pathlib.Path(f"/proc/{pid}/{what}").read_bytes() if os.access(f"/proc/{pid}/{what}", os.R_OK) else b"":
                raise SystemExit(f"process {pid} shows the webhook's URL in its {what}")


def notify(folder, *arguments):
    return subprocess.run([programs() / "rubric", "notify", *arguments, "--config", folder / "rubricd.yaml"], capture_output=True,
                          text=True)


def test_faults_and_kills(folder):
    """Bad answers of each kind, a kill between two tries: one message, and the next span tells only what is new."""
    slack = Slack()
    slack.script = [500, (429, 2), "reset", 503]
    daemon = Daemon(make_world(folder, slack, "2s"), folder / "log")
    for owner in ("s0000", "s0001"):
        hand_in(folder, owner)
    daemon.start()
    wait_until(lambda: len(slack.script) <= 2, SECONDS, "the first tries")
    daemon.kill()
    if slack.messages:
        raise SystemExit(f"told before it was taken: {slack.messages}")
    daemon.start()
    wait_until(lambda: notices(folder, "done"), SECONDS, "a digest arrives")
    wait_until(lambda: sum(text.count("new") > 0 for text in slack.messages) >= 1, SECONDS, "it has flags")
    wait_until(lambda: rows(folder, "SELECT 1 FROM flag WHERE state = 'open' AND id > (SELECT max(flag_id) FROM notice WHERE state = 'done')")
               == [] and not notices(folder, "queued") and len(rows(folder, "SELECT 1 FROM flag")) >= 2, SECONDS, "all is told")
    n_before = len(slack.messages)
    if n_before != len(notices(folder, "done")):
        raise SystemExit(f"{n_before} messages for {len(notices(folder, 'done'))} digests")
    told = "\n".join(slack.messages)
    for never in ("secret-thing", "nobody sees", "s0000", "points", "reads well"):
        if never in told:
            raise SystemExit(f"\"{never}\" is in {told}")
    if "hw1: review" not in told or slack.bodies[0]["mrkdwn"] is not False:
        raise SystemExit(told)
    # Two spans without news bring nothing; a lost answer brings the same text again, which Slack cannot know.
    spans = rows(folder, "SELECT max(span) AS last FROM notice")[0]["last"]
    slack.script = ["lost"]
    hand_in(folder, "s0002")  # nobody's: a flag
    wait_until(lambda: len(notices(folder, "done")) > n_before, SECONDS, "the next digest")
    if len(slack.messages) != n_before + 2 or slack.messages[-1] != slack.messages[-2] or "1 new" not in slack.messages[-1]:
        raise SystemExit(f"expected the same text twice: {slack.messages[n_before:]}")
    if rows(folder, "SELECT max(span) AS last FROM notice")[0]["last"] <= spans:
        raise SystemExit("two digests in one span")
    check_secret(folder, daemon)

    shown = notify(folder, "show")
    if shown.returncode != 0 or "nothing new since the last digest" not in shown.stdout:
        raise SystemExit(f"notify show: {shown}")
    n_before = len(slack.messages)
    tested = notify(folder, "test", "staff")
    if tested.returncode != 0 or len(slack.messages) != n_before + 1 or "this is a test" not in slack.messages[-1]:
        raise SystemExit(f"notify test: {tested}")
    slack.script = [(429, 30)]
    limited = notify(folder, "test")
    if limited.returncode != 1 or "asks to wait" not in limited.stderr or "s: " not in limited.stderr:
        raise SystemExit(f"notify test under a limit: {limited}")
    if notify(folder, "test", "nobody").returncode != 2 or notify(folder, "tset").returncode != 2:
        raise SystemExit("a wrong name is wrong usage")
    daemon.stop()


def test_gone(folder, answer, word):
    """A webhook that is gone: one request, a flag, no more; mended and started again, the digest arrives and the flag is closed."""
    slack = Slack()
    slack.script = [answer]
    daemon = Daemon(make_world(folder, slack, "1s"), folder / "log")
    hand_in(folder, "s0000")
    daemon.start()
    flag = "SELECT * FROM flag WHERE kind = 'notice' AND state = 'open'"
    wait_until(lambda: rows(folder, flag), SECONDS, "the flag")
    [row] = rows(folder, flag)
    if word not in row["evidence"] or SECRET in row["evidence"] + row["message"]:
        raise SystemExit(f"the flag says {row}")
    n_looks = "SELECT count(*) AS n FROM notice"
    hand_in(folder, "s0001")
    wait_until(lambda: len(rows(folder, "SELECT 1 FROM flag WHERE kind = 'review'")) == 2, SECONDS, "news that nobody is told")
    if slack.n_requests != 1 or rows(folder, n_looks)[0]["n"] != 1:
        raise SystemExit(f"{slack.n_requests} requests to a webhook that is gone")
    daemon.stop()
    daemon.start()
    wait_until(lambda: not rows(folder, flag) and notices(folder, "done"), SECONDS, "the mended webhook is used")
    daemon.stop()


def test_open_file(folder):
    """A URL that others may read is not used; the rest of the daemon works."""
    slack = Slack()
    config = make_world(folder, slack, "1s")
    (folder / "url").chmod(0o644)
    daemon = Daemon(config, folder / "log")
    hand_in(folder, "s0000")
    daemon.start()
    wait_until(lambda: {row["kind"] for row in rows(folder, "SELECT kind FROM flag")} >= {"notice", "review"}, SECONDS, "a flag and a grade")
    daemon.stop()
    if slack.n_requests:
        raise SystemExit("an open file's URL was used")


def main():
    with tempfile.TemporaryDirectory(prefix="rubric-notices-") as folder:
        folder = pathlib.Path(folder)
        test_faults_and_kills(folder / "faults")
        test_gone(folder / "not-found", 404, "404 (no_service)")
        test_gone(folder / "archived", 410, "410 (channel_is_archived)")
        test_open_file(folder / "open")
    print("one digest a span, whatever Slack answers; what is refused is left alone; the URL stays in its file")


if __name__ == "__main__":
    main()
