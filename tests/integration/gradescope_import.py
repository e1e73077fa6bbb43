#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rubric gradescope import`: a thousand submissions in memory that does not grow, killed anywhere and repeated, each once; the same
submission by the bridge is the same; the table for instructors."""

import csv
import http.client
import io
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from rubricd_testing import Daemon, Receiver, free_port, make_config, make_course, programs, rubric, store, wait_until, write  # noqa: E402

N_STUDENTS = 1000
FILE_BYTES = 100_000
SLACK_KIB = 4096  # what may differ between a tenth and the whole


def export(path, n, size=FILE_BYTES):
    """As Gradescope writes it: one folder a submission, symbols as keys, each with its results and a history."""
    noise = random.Random(4)
    lines = ["---"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for i in range(n):
            archive.writestr(f"assignment_77_export/submission_{5000 + i}/answer.txt", "42\n")
            archive.writestr(f"assignment_77_export/submission_{5000 + i}/src/data", noise.randbytes(size))
            lines += [f"submission_{5000 + i}:", "  :submitters:", f"  - :name: Student {i}", f"    :sid: '{i:07d}'",
                      f"    :email: s{i:04d}@example.edu", f"  :created_at: 2029-11-{1 + i % 28:02d} 10:00:00.{i:06d} Z", "  :score: 5.0",
                      "  :results:", "    tests:", *(f"    - {{name: test {k}, score: 1.0, output: \"{'x' * 200}\"}}" for k in range(20)),
                      "  :history:", f"  - :id: {4000 + i}", "    :created_at: 2029-10-01 10:00:00 Z", "    :score: 0.0"]
        archive.writestr("assignment_77_export/submission_metadata.yml", "\n".join(lines) + "\n")
    return path


def command(config, path, *options):
    return [str(programs() / "rubric"), "gradescope", "import", str(path), "--config", str(config), *options]


def peak_kib(config, path):
    """The most memory that an import took, and its answer."""
    script = ("import resource, subprocess, sys\n"
              "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True)\n"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.stdout.strip(), sep='\\t')")
    told = subprocess.run([sys.executable, "-c", script, *command(config, path, "--json")], check=True, stdout=subprocess.PIPE, text=True)
    kib, answer = told.stdout.split("\t")
    return int(kib), json.loads(answer)["new"]


class Trial:
    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.course = make_course(self.folder / "course", N_STUDENTS, "2030-01-01T00:00:00Z")
        text = (self.course / "course.yaml").read_text()
        write(self.course / "course.yaml", text.replace('deadline: "2030-01-01T00:00:00Z"}',
                                                        'deadline: "2030-01-01T00:00:00Z", submit: {gradescope: "77"}}'))
        rubric_file = self.course / "rubrics/hw1.yaml"
        write(rubric_file, rubric_file.read_text() + """  - id: secret
    points: 5
    title: A secret thing
    passes: "Nobody knows."
    visible: staff
    check: {files: {present: answer.txt}}
""")
        self.receiver = Receiver()
        self.config = make_config(self.folder, self.course, self.receiver.url, pretend_now='"2029-12-01T00:00:00Z"', **settings)
        self.daemon = Daemon(self.config, self.folder / "log")

    def make_store(self):
        """The store is the daemon's to make; what is imported then waits for it."""
        subprocess.run([programs() / "rubricd", "--config", self.config, "--once"], check=True, stdout=self.daemon.log, stderr=self.daemon.log)

    def rows(self, sql, *values):
        with store(self.folder) as connection:
            return [tuple(row) for row in connection.execute(sql, values)]

    def check_each_once(self, n):
        assert self.rows("SELECT count(*), count(DISTINCT external_id), count(DISTINCT owner) FROM submission") == [(n, n, n)]
        assert self.rows("SELECT count(*) FROM job") == [(n,)], "a job each"
        assert self.rows("SELECT count(*) FROM event WHERE kind = 'submitted'") == [(n,)]
        assert self.rows("SELECT count(*) FROM flag") == [(0,)]
        blobs = self.folder / "state/blobs"
        assert not list((blobs / "new").iterdir()), "nothing is left half-made"
        for path, digest in self.rows("SELECT content_path, content_digest FROM submission"):
            assert digest == "sha256:" + pathlib.Path(path).name and (self.folder / "state" / path).stat().st_size > 0


def test_memory(folder):
    figures = []
    for n in (N_STUDENTS // 10, N_STUDENTS):
        trial = Trial(folder / f"memory-{n}")
        trial.make_store()
        path = export(trial.folder / "export.zip", n)
        start = time.monotonic()
        kib, n_new = peak_kib(trial.config, path)
        assert n_new == n, (n_new, n)
        figures.append((n, path.stat().st_size // 1_000_000, kib, time.monotonic() - start))
        trial.check_each_once(n)
        assert peak_kib(trial.config, path)[1] == 0
        trial.check_each_once(n)
        path.unlink()
    for n, megabytes, kib, seconds in figures:
        print(f"import of {n} submissions, {megabytes} MB: peak {kib} KiB, {seconds:.1f} s")
    assert figures[1][2] < figures[0][2] + SLACK_KIB, figures


def test_kills(folder):
    n = 300
    trial = Trial(folder / "kills")
    trial.make_store()
    path = export(trial.folder / "export.zip", n, 20_000)
    start = time.monotonic()
    whole = Trial(folder / "whole")
    whole.make_store()
    subprocess.run(command(whole.config, path), check=True, stdout=subprocess.DEVNULL)
    took_s = time.monotonic() - start
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"kills: seed {seed}")
    moments = random.Random(seed)
    n_killed = 0
    for _ in range(15):
        process = subprocess.Popen(command(trial.config, path), stdout=subprocess.DEVNULL)
        try:
            process.wait(moments.uniform(0, took_s))
        except subprocess.TimeoutExpired:
            process.kill()
            n_killed += process.wait() == -9
    assert n_killed > 0
    subprocess.run(command(trial.config, path), check=True, stdout=subprocess.DEVNULL)
    trial.check_each_once(n)
    print(f"kills: {n_killed} of 15 imports were killed, then one was left to end: {n} submissions, each once")


def hand_over(port, key, number, email):
    """What run_autograder sends."""
    metadata = json.dumps({"id": number, "created_at": "2029-11-05T10:00:00.000000Z", "assignment": {"id": 77, "course_id": 5},
                           "users": [{"id": 1, "name": "N", "email": email}], "previous_submissions": []}).encode()
    archive = subprocess.run(["tar", "-cz", "-C", "/", "--transform", "s,.*,submission/answer.txt,", "etc/hostname"], check=True,
                             stdout=subprocess.PIPE).stdout
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/api/v1/gradescope/hw1/submissions", str(len(metadata)).encode() + b"\n" + metadata + archive,
                       {"Authorization": f"Bearer {key}", "Idempotency-Key": str(number), "Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_both_ways(folder):
    """The bridge brings 5000, the export 5000 to 5002, the bridge 5001 again: three submissions, graded once each."""
    port = free_port()
    trial = Trial(folder / "both", web=f'{{listen: "127.0.0.1:{port}"}}')
    trial.daemon.start()
    try:
        def listens():
            try:
                return hand_over(port, "none", 1, "x") == 401
            except OSError:
                return False
        wait_until(listens, 60, "the daemon listens")
        key = rubric("gradescope", "key", "add", "-a", "hw1", "--config", trial.config).strip()
        assert hand_over(port, key, 5000, "s0000@example.edu") in (200, 202)
        path = export(trial.folder / "export.zip", 3, 10)
        assert json.loads(rubric("gradescope", "import", path, "--json", "--config", trial.config)) == {"new": 2}
        assert hand_over(port, key, 5001, "s0001@example.edu") in (200, 202)
        graded = "SELECT count(*) FROM verdict"
        wait_until(lambda: trial.rows(graded) == [(3,)] and trial.rows("SELECT count(*) FROM job WHERE state != 'done'") == [(0,)], 120,
                   "all are graded")
        trial.check_each_once(3)
        assert "Nothing new" in rubric("gradescope", "import", path, "--config", trial.config)
        check_table(trial)
    finally:
        trial.daemon.stop()


def check_table(trial):
    text = rubric("gradescope", "results", "-a", "hw1", "--csv", "--config", trial.config)
    table = list(csv.DictReader(io.StringIO(text)))
    assert len(table) == N_STUDENTS
    assert table[2] == {"Name": "Student 2", "SID": "", "Email": "s0002@example.edu", "Total Score": "10", "Max Points": "10",
                        "Status": "Graded", "Submission ID": "5002", "Submission Time": "2029-11-03T10:00:00.000002Z"}, table[2]
    assert table[3]["Status"] == "Missing" and table[3]["Total Score"] == ""
    assert "secret" not in text
    print(text.splitlines()[0], text.splitlines()[3], text.splitlines()[4], sep="\n")


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="rubric-import-") as folder:
        test_memory(pathlib.Path(folder))
        test_kills(pathlib.Path(folder))
        test_both_ways(pathlib.Path(folder))


main()
