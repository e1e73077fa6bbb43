#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The web session with Gradescope against a stateful stand-in: each submission once, one request at a time, no secret anywhere, and
where a page is not as known it stops loudly with nothing taken."""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from gradescope_standin import COURSE, Gradescope  # noqa: E402
from rubricd_testing import Daemon, free_port, make_course, programs, rubric, store, wait_until, write  # noqa: E402


class Trial:
    def __init__(self, folder, number):
        self.folder = pathlib.Path(folder) / str(number)
        self.site = site = Gradescope()
        site.members = [(f"Student {i}", f"s{i:04d}@example.edu", f"00{i}", 0) for i in range(4)] + [
            ("A <b>Guest</b>", "guest@example.edu", "99", 0), ("Staff", site.email, "", 1)]
        site.assignments = {"77": "Homework 1", "78": "Not ours"}
        site.submissions = {"77": {}}
        self.hand_in(501, "s0000@example.edu")
        self.hand_in(502, "s0001@example.edu")
        self.hand_in(503, "guest@example.edu")
        course = make_course(self.folder / "course", 5, "2030-01-01T00:00:00Z")
        text = (course / "course.yaml").read_text().replace('00Z"}', '00Z", submit: {gradescope: "77"}}')
        write(course / "course.yaml", text + f"connections: {{gradescope: {{course: {COURSE}}}}}\n")
        self.account(site.password)
        self.config = write(self.folder / "rubricd.yaml", f"""course: course
state: state
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu]
gradescope: {{url: "{site.url}", account_file: account, pace: 10ms}}
sources:
  - gradescope: {{name: gs, every: 1s}}
sinks:
  - folder: {{name: results, path: results}}
""")
        self.said = ""

    def account(self, password):
        path = self.folder / "account"
        path.unlink(missing_ok=True)
        write(path, f"{self.site.email}\n{password}\n").chmod(0o600)

    def hand_in(self, number, *emails, text="42\n"):
        self.site.submissions["77"][number] = ("2024-11-01 10:00:00.5 -05:00", emails, {"answer.txt": text.encode()})

    def once(self, seconds=180):
        done = subprocess.run([programs() / "rubricd", "--config", self.config, "--once"], capture_output=True, text=True, timeout=seconds)
        self.said += done.stdout + done.stderr
        return done.returncode

    def rows(self, sql):
        with store(self.folder) as connection:
            return [tuple(row) for row in connection.execute(sql)]

    def owners(self):
        return self.rows("SELECT owner, state FROM submission ORDER BY external_id")

    def source_flags(self):
        return [row[0] for row in self.rows("SELECT message FROM flag WHERE kind = 'source' AND state = 'open'")]


def taken_once(folder):
    trial = Trial(folder, 1)
    site = trial.site
    assert trial.once() == 0, trial.said
    wanted = [("s0000", "posted"), ("s0001", "posted"), ("", "refused")]
    assert trial.owners() == wanted, (trial.owners(), trial.said, site.requests)
    [(received,)] = trial.rows("SELECT DISTINCT received_us FROM submission")
    assert received == 1730473200_500000, "Gradescope's own time counts"
    trial.hand_in(504, "s0000@example.edu")
    site.polls = 0
    assert trial.once() == 0, trial.said
    assert len(trial.owners()) == 4 and trial.rows("SELECT count(*) FROM verdict")[0][0] == 3, trial.owners()
    assert not trial.source_flags(), trial.source_flags()
    assert site.n_most == 1, f"{site.n_most} requests at once"
    print("taken once each, in Gradescope's time; a second round takes only what is new")
    return trial


def secrets_stay(trial):
    site = trial.site
    kept = [site.password, *site.sessions, *site.sessions.values(), *(export[3] for export in site.exports.values())]
    assert len(kept) > 4
    places = [path for path in trial.folder.rglob("*") if path.is_file() and path.name != "account"]
    for secret in kept:
        assert secret not in trial.said, "a secret in the log"
        for path in places:
            assert secret.encode() not in path.read_bytes(), f"a secret in {path}"
    for method, path, headers in site.requests:
        if "X-Amz" in path:
            assert "Cookie" not in headers and "X-CSRF-Token" not in headers, "the session went to another host"
    print("no secret in log, store or files, and none at the host of the files")


def session_ends(folder):
    trial = Trial(folder, 2)
    site = trial.site
    site.fail("POST", f"/courses/{COURSE}/assignments/77/export", (422, {}, "The change you wanted was rejected."))
    site.fail("GET", f"/courses/{COURSE}/generated_files", (302, {"Location": f"{site.url}/login"}, ""), None,
              (401, {}, '{"error":"You must be logged in to access this page."}'))
    site.misses = 1
    assert trial.once() == 0, trial.said
    assert [owner for owner, _ in trial.owners()] == ["s0000", "s0001", ""], trial.said
    assert site.n_asked("POST", "/login") == 3, "logged in again after each end of the session"
    assert not trial.source_flags()
    print("an expired token and an ended session are mended, a late file is waited for")


def account_refused(folder):
    trial = Trial(folder, 3)
    site = trial.site
    trial.account("wrong")
    trial.once()
    assert site.n_asked("POST", "/login") == 1, "a refused password is tried once"
    [flag] = trial.source_flags()
    assert "refuses the account" in flag, flag
    assert trial.rows("SELECT count(*) FROM submission") == [(0,)]
    trial.account(site.password)
    assert trial.once() == 0 and len(trial.owners()) == 3, trial.said
    assert not trial.source_flags(), "it is closed once an export came"
    print("a refused account is tried once and told of; a new one works")


def export_fails(folder):
    trial = Trial(folder, 4)
    failed = (200, {}, json.dumps({"id": 1, "progress": 0.0, "status": "failed", "url": None}))
    trial.site.fail("GET", f"/courses/{COURSE}/generated_files", failed)
    trial.site.fail("POST", f"/courses/{COURSE}/assignments/77/export", (503, {}, "busy"))
    assert trial.once() == 0, trial.said
    assert "failed to make the export of hw1" in trial.said and "busy or down" in trial.said, trial.said
    assert len(trial.owners()) == 3 and not trial.source_flags()
    print("a failed export and a busy server are tried again")


def shape_changes(folder):
    cases = {
        "login page": ("GET", "/login", "<html><form action='/sign-in'></form></html>", "login page changed its shape"),
        "no token": ("GET", f"/courses/{COURSE}/assignments", "<html>new design</html>", "course page changed its shape"),
        "no file": ("POST", f"/courses/{COURSE}/assignments/77/export", '{"file": 1}', "answer to an export changed its shape"),
        "new state": ("GET", f"/courses/{COURSE}/generated_files", '{"status": "archived", "url": "https://x/"}', "answer about an export"),
        "no json": ("GET", f"/courses/{COURSE}/generated_files", "<html>", "answer about an export"),
        "odd address": ("GET", f"/courses/{COURSE}/generated_files", '{"status": "completed", "url": "file:///etc/passwd"}', "no address"),
        "no zip": ("GET", "/1?", "<html>login</html>", "it has no submission_metadata.yml"),
    }
    for number, (name, (method, prefix, body, told)) in enumerate(cases.items()):
        trial = Trial(folder, f"5-{number}")
        trial.site.polls = 0
        trial.site.fail(method, prefix, (200, {}, body))
        trial.once()
        flags = trial.source_flags()
        assert len(flags) == 1 and told in flags[0], (name, flags, trial.said)
        assert trial.rows("SELECT count(*) FROM submission") == [(0,)], name
    trial = Trial(folder, "5-cut")
    trial.site.polls, trial.site.cut_zip = 0, True
    trial.once()
    assert trial.rows("SELECT count(*) FROM submission") == [(0,)], "of half an export nothing is taken"
    assert trial.source_flags(), trial.said
    print(f"{len(cases) + 1} changed shapes: nothing taken, one flag each")


def another_export(folder):
    """What names another assignment is not taken as the one that was asked for, whether the course knows that one or not."""
    for number, told in (("78", "it is an export of Gradescope's assignment 78"), ("79", "it is an export of \"hw2\"")):
        trial = Trial(folder, f"5-names-{number}")
        course = trial.folder / "course/course.yaml"
        write(course, course.read_text().replace("tokens:\n", '  hw2: {title: Homework 2, kind: homework, owner: person, deadline: "2020-01-01'
                                                 'T00:00:00Z", submit: {gradescope: "79"}, rubric: hw1}\ntokens:\n'))
        trial.site.polls, trial.site.export_names = 0, number
        trial.once()
        flags = trial.source_flags()
        assert len(flags) == 1 and told in flags[0], (flags, trial.said)
        assert trial.rows("SELECT count(*) FROM submission") == [(0,)], number
    print("an export of another assignment is refused")


def people_look(folder):
    trial = Trial(folder, 6)
    trial.site.extensions = {"77": [(1, "2030-01-03T12:00:00Z"), (4, "2030-01-04T12:00:00Z")]}
    trial.once()
    said = rubric("gradescope", "session", "--config", trial.config)
    for part in ("77         hw1", "78         -", "guest@example.edu (A <b>Guest</b>) is not in roster.csv", "s0004 (s0004@example.edu) is not at",
                 "rubric extend s0001 hw1 --until 2030-01-03T12:00:00", "the roster does not tell whose"):
        assert part in said, f"{part!r} is not in:\n{said}"
    rubric("extend", "s0001", "hw1", "--until", "2030-01-03T12:00:00Z", "-m", "as at Gradescope", "--config", trial.config)
    print("people see what differs, and the command that is shown works")


def reruns(folder):
    trial = Trial(folder, 7)
    trial.once()
    key = rubric("gradescope", "key", "add", "-a", "hw1", "--config", trial.config).strip()
    config = trial.config.read_text()
    port = free_port()
    write(trial.config, config.replace("  - folder: {name: results, path: results}", "  - gradescope: {name: show}")
          + f'web: {{listen: "127.0.0.1:{port}"}}\n')
    trial.hand_in(504, "s0002@example.edu")
    trial.hand_in(505, "s0003@example.edu")

    def outbox():
        return trial.rows("SELECT submission.owner, outbox.state, tries, outbox.external_id FROM outbox JOIN submission"
                          " ON submission.id = submission_id WHERE sink = 'show' ORDER BY owner")

    daemon = Daemon(trial.config, trial.folder / "log")
    daemon.start()
    try:
        wait_until(lambda: [row[2] for row in outbox()] == [1, 1], 120, "each is put off once, for the container that may wait")
        assert not trial.site.reruns
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/gradescope/hw1/submissions/504", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["score"] == 10
        [path] = (trial.folder / "state").glob("*.db")
        with sqlite3.connect(path, timeout=10) as connection:
            connection.execute("UPDATE outbox SET not_before_us = 0 WHERE state = 'queued'")  # the wait is over
        wait_until(lambda: all(row[1] == "done" for row in outbox()), 60, "the reruns are asked for")
    finally:
        daemon.stop()
    assert trial.site.reruns == [("77", "505")], (trial.site.reruns, outbox())
    assert [row[3] for row in outbox()] == ["shown:504", "rerun:505"], outbox()
    print("what was not shown over there is rerun, and only that")


def main():
    with tempfile.TemporaryDirectory() as folder:
        trial = taken_once(folder)
        secrets_stay(trial)
        session_ends(folder)
        account_refused(folder)
        export_fails(folder)
        shape_changes(folder)
        another_export(folder)
        people_look(folder)
        reruns(folder)


main()
