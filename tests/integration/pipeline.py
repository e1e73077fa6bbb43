#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon end to end: folder and git in, webhook and files out, a receiver that fails, a TA's word, a regrade, a second daemon."""

import hashlib
import hmac
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import rubricd_testing as t

RUBRIC = """rubric: hw1
title: Homework 1
items:
  - id: answer
    points: 10
    title: There is an answer
    passes: "The file answer.txt is there."
    check: {files: {present: answer.txt}}
  - id: style
    points: 5
    title: It reads well
    passes: "A person enjoys reading it."
    judge: ta
  - id: later
    points: 3
    title: "@everyone look <b>here</b>"
    passes: "It is there."
    visible: after_deadline
    check: {files: {present: answer.txt}}
"""


def check(claim, value, expected):
    if value != expected:
        raise SystemExit(f"FAILED: {claim}: {value!r} instead of {expected!r}")
    print(f"ok: {claim}")


def git(folder, *arguments):
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-c", "user.name=S", "-c", "user.email=s0001@example.edu", "-c", "init.defaultBranch=main", *arguments],
                   cwd=folder, env=environment, check=True, capture_output=True)


def make(folder, receiver):
    course = t.make_course(folder / "course", 4, "2090-01-01T00:00:00Z")
    t.write(course / "rubrics/hw1.yaml", RUBRIC)
    repos = folder / "repos"
    text = (course / "course.yaml").read_text().replace("kind: homework,", "kind: homework, submit: {branch: main},", 1)
    t.write(course / "course.yaml", text + f'connections:\n  git: {{url: "file://{repos}/{{person.id}}"}}\n')
    for person in ("s0000", "s0001", "s0002", "s0003"):
        (repos / person).mkdir(parents=True)
        git(repos / person, "init", "-q", ".")
    t.write(repos / "s0001/answer.txt", "42\n")
    git(repos / "s0001", "add", ".")
    git(repos / "s0001", "commit", "-qm", "the answer")
    config = t.make_config(folder, course, receiver.url, grade_processes=2)
    config.write_text(config.read_text().replace("sources:\n", "sources:\n  - git: {name: git, every: 300ms}\n")
                      + "  - folder: {name: files, path: results}\n")
    return config


def once(config):
    done = subprocess.run([t.programs() / "rubricd", "--config", config, "--once"], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"rubricd --once: exit {done.returncode}\n{done.stderr}")
    return done.stderr


def newest(receiver, owner):
    """The newest result that the receiver has of an owner, by verdict."""
    results = [t.verdict_of(tries[-1][2]) for tries in receiver.effects.values()]
    return max((r for r in results if r["submission"]["owner"] == owner), key=lambda r: r["verdict"]["number"])


def first_run(folder, config, receiver):
    t.write(folder / "inbox/hw1/s0000/answer.txt", "41\n")
    t.write(folder / "inbox/hw1/stranger/answer.txt", "40\n")
    (folder / "inbox/hw1/s0002.zip").write_bytes(b"PK\x03\x04 this is no zip")
    once(config)
    check("one effect a submission that is graded, whatever the receiver does", len(receiver.effects), 3)
    passed = newest(receiver, "s0000")
    check("points of what is shown", (passed["points"]["earned"], passed["points"]["max"], passed["points"]["hidden"]), (10, 15, 3))
    check("the item that is hidden is not named", "everyone" in json.dumps(passed), False)
    check("a commit is graded by its digest", newest(receiver, "s0001")["submission"]["content_digest"].startswith("git:"), True)
    broken = newest(receiver, "s0002")
    check("a broken archive fails with a remark", (broken["points"]["earned"], broken["remarks"][0]["outcome"]), (0, "fail"))
    files = sorted(str(p.relative_to(folder / "results")) for p in (folder / "results").rglob("*.*"))
    check("three files a result", len(files), 9)
    for path in (folder / "results").rglob("results.json"):
        results = t.valid_results(json.loads(path.read_text()))
        check("what is hidden does not hide the total at Gradescope", (t.shows_total(results), "score" in results), (True, True))
    status = json.loads(t.rubric("status", "--config", config, "--json"))
    check("nothing waits", (status["queued"], status["grading"], status["posts_waiting"]), (0, 0, 0))
    check("the stranger is refused, not lost", status["submissions"]["refused"], 1)


def review(config, receiver):
    flags = json.loads(t.rubric("flags", "--config", config, "--json"))
    check("what a TA must look at", sorted({f["kind"] for f in flags}), ["owner", "review"])
    flag = next(f for f in flags if f.get("owner") == "s0000")
    t.rubric("review", str(flag["flag"]), "pass", "-m", "well put", "--by", "ta1", "--config", config)
    once(config)
    result = newest(receiver, "s0000")
    check("a review is a new verdict", (result["verdict"]["number"], result["points"]["earned"], result["verdict"]["is_final"]), (2, 15, True))
    again = subprocess.run([t.programs() / "rubric", "review", str(flag["flag"]), "fail", "-m", "no", "--config", config], capture_output=True)
    check("a flag is decided once", again.returncode, 1)


def regrade(folder, config, receiver):
    t.write(folder / "course/rubrics/hw1.yaml", RUBRIC.replace("present: answer.txt}}\n  - id: style", "present: report.txt}}\n  - id: style"))
    before = len(receiver.effects)
    table = json.loads(t.rubric("regrade", "-a", "hw1", "--config", config, "--json"))
    changes = {c["owner"]: [(i["item"], i["before"], i["after"]) for i in c["items"]] for c in table}
    check("a dry run tells what would change", changes.get("s0000"), [("answer", "pass", "fail")])
    once(config)
    check("a dry run changes nothing", len(receiver.effects), before)
    t.rubric("regrade", "-a", "hw1", "-o", "s0000", "--apply", "--config", config)
    once(config)
    result = newest(receiver, "s0000")
    check("an applied one does, and the TA's word stays",
          (result["verdict"]["number"], result["points"]["earned"], [i.get("decided_by") for i in result["items"]]), (3, 5, [None, "ta1"]))


def force_push(folder, config, receiver):
    repository = folder / "repos/s0001"
    git(repository, "commit", "-q", "--amend", "-m", "another history")
    once(config)
    flags = json.loads(t.rubric("flags", "--config", config, "--json"))
    check("a force-push is told to a TA", sum(f["kind"] == "history" for f in flags), 1)
    with t.store(folder) as db:
        check("both commits are submissions", db.execute("SELECT count(*) FROM submission WHERE owner = 's0001'").fetchone()[0], 2)


def owner_not_known_yet(folder, config, receiver):
    roster = folder / "course/roster.csv"
    whole = roster.read_text()
    with sqlite3.connect(folder / "state/rubricd.db", timeout=10) as db:  # its job waits again, as if no grade role had come to it
        db.execute("UPDATE job SET state = 'queued' WHERE owner = 's0000'")
    t.write(roster, whole.replace("s0000,Student 0,s0000@example.edu\n", ""))
    before, log = newest(receiver, "s0000")["verdict"]["number"], folder / "log-owner"
    daemon = t.Daemon(config, log)
    daemon.start()
    try:
        t.wait_until(lambda: "grading_failed" in log.read_text(), 30, "the owner is not found")
        check("who is not in our copy of the roster gets no verdict", newest(receiver, "s0000")["verdict"]["number"], before)
        t.write(roster, whole)
        t.wait_until(lambda: newest(receiver, "s0000")["verdict"]["number"] == before + 1, 60, "the roster is read again")
    finally:
        daemon.stop()
    check("and one that counts, once the roster is read", [i["outcome"] for i in newest(receiver, "s0000")["items"]], ["fail", "review"])


def second_daemon(folder, config):
    daemon = t.Daemon(config, folder / "log")
    daemon.start()
    t.wait_until(lambda: (folder / "state/run/wake-post-1").exists() and "starting" in (folder / "log").read_text(), 20, "it runs")
    other = subprocess.run([t.programs() / "rubricd", "--config", config], capture_output=True, text=True, timeout=20)
    check("a second daemon on the same state is refused", (other.returncode, "another rubricd" in other.stderr), (1, True))
    pids = daemon.tree()
    daemon.stop()
    t.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 10, "no process is left")
    check("SIGTERM ends it", daemon.process.returncode, 0)


def broken_course(folder, config):
    t.write(folder / "course/rubrics/hw1.yaml", "rubric: hw1\nitems: 3\n")
    done = subprocess.run([t.programs() / "rubricd", "--config", config, "--once"], capture_output=True, text=True, timeout=30)
    check("a course with errors is told at the start", (done.returncode, "rubrics/hw1.yaml:2" in done.stderr), (1, True))


def signatures(folder, receiver):
    secret = (folder / "secret").read_bytes()
    for key, tries in receiver.effects.items():
        expected = "sha256=" + hmac.new(secret, tries[-1][2], hashlib.sha256).hexdigest()
        if receiver.signatures[key] != expected:
            raise SystemExit(f"FAILED: the signature of {key}")
    print("ok: every post is signed")


class SigningReceiver(t.Receiver):
    """Remembers signatures too."""

    def __init__(self, fault):
        self.signatures = {}
        super().__init__(fault)
        handler = self.RequestHandlerClass

        class Handler(handler):
            def do_POST(self):
                self.server.signatures[self.headers["Idempotency-Key"]] = self.headers["X-Rubricd-Signature-256"]
                super().do_POST()

        self.RequestHandlerClass = Handler


def main():
    if shutil.which("git") is None:
        print("skipped: there is no git")
        return 77
    faults = iter([500, "reset", 429, "reset-after", 503])
    receiver = SigningReceiver(lambda n: next(faults, None))
    with tempfile.TemporaryDirectory(prefix="rubricd-pipeline-") as name:
        folder = pathlib.Path(name)
        config = make(folder, receiver)
        first_run(folder, config, receiver)
        review(config, receiver)
        regrade(folder, config, receiver)
        force_push(folder, config, receiver)
        owner_not_known_yet(folder, config, receiver)
        signatures(folder, receiver)
        second_daemon(folder, config)
        broken_course(folder, config)
    return 0


if __name__ == "__main__":
    sys.exit(main())
