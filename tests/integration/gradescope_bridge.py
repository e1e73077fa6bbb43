#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The autograder of `rubric gradescope bridge`, run in Gradescope's layout against a real daemon on 127.0.0.1: handed over once,
graded once, shown there; without us there is no result and so no 0."""

import datetime
import http.client
import http.server
import json
import os
import pathlib
import re
import selectors
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from rubricd_testing import Daemon, Receiver, free_port, make_config, make_course, programs, rubric, shows_total, store, valid_results, wait_until, write  # noqa: E402

CREATED = "2024-11-01T10:00:00.123456-05:00"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Container:
    """/autograder as Gradescope lays it out, in a folder of its own."""

    def __init__(self, folder, autograder, number, users, files, created=CREATED, previous=()):
        self.base = pathlib.Path(folder)
        shutil.rmtree(self.base, ignore_errors=True)
        (self.base / "results").mkdir(parents=True)
        with zipfile.ZipFile(autograder) as archive:
            archive.extractall(self.base / "source")
            for entry in archive.infolist():  # what may be run is said by the zip
                (self.base / "source" / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
        shutil.copy(self.base / "source/run_autograder", self.base / "run_autograder")
        (self.base / "submission").mkdir()
        for name, content in files.items():
            path = self.base / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        write(self.base / "submission_metadata.json", json.dumps({
            "id": number, "created_at": created, "submission_method": "upload",
            "assignment": {"id": 77, "course_id": 5, "title": "Homework 1", "group_submission": len(users) > 1},
            "users": [{"id": i, "name": f"N {i}", "email": email} for i, email in enumerate(users)],
            "previous_submissions": list(previous)}))

    def begin_exactly(self):
        """In a file system of its own where it all is /autograder, as root of it, which is how Gradescope runs it."""
        root = self.base.parent / "root"
        root.mkdir(exist_ok=True)
        script = """set -e
mount -t tmpfs none "$1"
for name in bin etc lib lib64 usr sbin dev proc tmp var; do
  if [ -L "/$name" ]; then cp -P "/$name" "$1/$name"; elif [ -e "/$name" ]; then mkdir "$1/$name"; mount --rbind "/$name" "$1/$name"; fi
done
mkdir "$1/autograder"
mount --rbind "$2" "$1/autograder"
exec chroot "$1" sh -c 'cd /autograder && test "$(id -u)" = 0 && exec ./run_autograder'
"""
        return subprocess.Popen(["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", root, self.base],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, process, seconds=300):
        self.said = process.communicate(timeout=seconds)[0]
        return process.returncode, self.result()

    def hurry(self, seconds):
        """Gradescope's time is over in a minute and these seconds; the script ends a minute before that."""
        conf = self.base / "source/rubricd.conf"
        conf.write_text(conf.read_text().split("timeout_s=")[0] + f"timeout_s={60 + seconds}\n")
        return self

    def reach(self, port):
        """By another port than the daemon's own."""
        conf = self.base / "source/rubricd.conf"
        conf.write_text(re.sub(r"(url=.*127\.0\.0\.1:)\d+", rf"\g<1>{port}", conf.read_text()))
        return self

    def begin(self, shell=("dash",)):
        return subprocess.Popen([*shell, self.base / "run_autograder"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, shell=("dash",)):
        return self.finish(self.begin(shell))

    def result(self):
        path = self.base / "results/results.json"
        return valid_results(json.loads(path.read_text())) if path.exists() else None


def rows(folder, sql, *values):
    with store(folder) as connection:
        return [tuple(row) for row in connection.execute(sql, values)]


def submissions(folder, number):
    return rows(folder, "SELECT owner, state, received_us FROM submission WHERE external_id LIKE ?", f"%submission_{number}")


class Trial:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        course = make_course(self.folder / "course", 6, "2030-01-01T00:00:00Z")
        text = (course / "course.yaml").read_text()
        write(course / "course.yaml", text.replace("tokens:\n", "  m1: {title: Milestone 1, kind: milestone, owner: team, "
                                                   "deadline: \"2030-01-01T00:00:00Z\"}\ntokens:\n")
              .replace("    person: {pool: 7}\n", "    person: {pool: 7}\n    team: {pool: 7}\n")
              .replace("{person: {percent: 15}}", "{person: {percent: 15}, team: {percent: 15}}"))
        write(course / "rubrics/m1.yaml", (course / "rubrics/hw1.yaml").read_text().replace("hw1", "m1").replace("Homework", "Milestone"))
        for name in ("hw1", "m1"):
            write(course / f"rubrics/{name}.yaml", "submission: {size: 600M}\n" + (course / f"rubrics/{name}.yaml").read_text())
        lines = (course / "roster.csv").read_text().splitlines()
        write(course / "roster.csv", "\n".join([lines[0] + ",team"] + [line + ",blue" for line in lines[1:6]] + [lines[6] + ","]) + "\n")
        self.course = course
        self.receiver = Receiver()
        self.config = make_config(self.folder, course, self.receiver.url, web=f'{{listen: "127.0.0.1:{self.port}"}}')
        self.daemon = Daemon(self.config, self.folder / "log")
        self.web = None

    def listens(self):
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def start(self):
        self.daemon.start()
        wait_until(self.listens, 60, "the daemon listens")

    def start_web_alone(self):
        """Taken, but graded by nobody."""
        self.web = subprocess.Popen([programs() / "rubricd", "role", "web", "--config", self.config], stdin=subprocess.DEVNULL,
                                    stdout=self.daemon.log, stderr=self.daemon.log)
        wait_until(self.listens, 60, "the role web listens")

    def stop_web(self):
        self.web.kill()
        self.web.wait()

    def role(self, name):
        """The pid of a role of the daemon."""
        for pid in self.daemon.tree():
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"role", name.encode()]:
                return pid
        raise SystemExit(f"no role {name} runs")

    def ask(self, method, path, key=None, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            all_headers = dict(headers)
            if key:
                all_headers["Authorization"] = f"Bearer {key}"
            connection.request(method, path, body, all_headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def autograder(self, assignment, *options):
        path = self.folder / f"{assignment}.zip"
        rubric("gradescope", "bridge", "-a", assignment, "--url", f"http://127.0.0.1:{self.port}", "-o", path, *options,
               "--config", self.config)
        return path

    def container(self, *arguments, **named):
        return Container(self.folder / "autograder", *arguments, **named)


def test_runs(trial, autograder):
    """A first run by each shell, reruns, and what they leave in the books."""
    answer = {"answer.txt": b"42\n"}
    for number, shell in ((101, ("dash",)), (102, ("busybox", "sh"))):
        status, result = trial.container(autograder, number, ["S0000@Example.edu"], answer).run(shell)
        assert status == 0 and result["score"] == 10 and result["tests"][0]["status"] == "passed" and shows_total(result), (status, result)
    box = trial.container(autograder, 101, ["s0000@example.edu"], answer, previous=[{"submission_time": "2029-12-01T10:00:00-05:00",
                                                                                       "score": "10.0", "autograder_error": False}])
    assert box.run() == (0, box.result()) and box.result()["score"] == 10
    [(owner, _, received_us)] = submissions(trial.folder, 101)
    assert owner == "s0000" and received_us == (datetime.datetime.fromisoformat(CREATED) - EPOCH) // datetime.timedelta(microseconds=1)
    assert len(rows(trial.folder, "SELECT 1 FROM event WHERE kind = 'submitted' AND submission_id ="
                    " (SELECT id FROM submission WHERE external_id = 'hw1:submission_101')")) == 1
    assert len(rows(trial.folder, "SELECT 1 FROM verdict WHERE submission_id ="
                    " (SELECT id FROM submission WHERE external_id = 'hw1:submission_101')")) == 1
    status, result = trial.container(autograder, 103, ["s0001@example.edu"], {"other.txt": b"?"}).run()
    assert status == 0 and result["score"] == 0 and result["tests"][0]["status"] == "failed", result


def most_memory_kb(pid):
    [line] = [line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def write_noise(path, megabytes):
    """Bytes that do not get smaller when they are packed, a piece at a time."""
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))


def test_sizes(trial, autograder):
    """In the exact layout: many files and a large one, while the role web keeps its size."""
    web = trial.role("web")
    many = {f"folder {i % 7}/file {i}": b"x" * i for i in range(2000)} | {"answer.txt": b"1"}
    box = trial.container(autograder, 110, ["s0002@example.edu"], many)
    status, result = box.finish(box.begin_exactly())
    assert status == 0 and result["score"] == 10, (result, box.said)
    before_kb = most_memory_kb(web)
    megabytes = int(os.environ.get("RUBRIC_BRIDGE_MB", "20"))
    box = trial.container(autograder, 111, ["s0003@example.edu"], {"answer.txt": b"1"})
    write_noise(box.base / "submission/data", megabytes)
    begin = time.monotonic()
    status, result = box.finish(box.begin_exactly(), 1800)
    assert status == 0 and result["score"] == 10, (result, box.said)
    after_kb = most_memory_kb(web)
    print(f"{megabytes} MB through the bridge in {time.monotonic() - begin:.0f} s: the role web took {after_kb} kB at the most, "
          f"{before_kb} kB before")
    assert after_kb < before_kb + 4096, "the role web grows with what is handed in"
    key = rubric("gradescope", "key", "add", "-a", "hw1", "--max-bytes", "1000000", "--config", trial.config).strip()
    box = trial.container(autograder, 112, ["s0003@example.edu"], {"answer.txt": b"1", "data": os.urandom(5_000_000)})
    write(box.base / "source/rubricd.key", f'header = "Authorization: Bearer {key}"\n')
    status, result = box.run()
    assert status == 0 and result["extra_data"]["state"] == "too_large" and "score" not in result and not shows_total(result), result
    assert not list((trial.folder / "state/blobs/upload").iterdir())


def test_owners(trial, autograder):
    team = trial.autograder("m1")
    status, result = trial.container(team, 120, [f"s{i:04d}@example.edu" for i in range(5)], {"answer.txt": b"1"}).run()
    assert status == 0 and result["score"] == 10 and submissions(trial.folder, 120)[0][0] == "blue", result
    stranger = (autograder, 121, ["nobody@example.edu"], {"answer.txt": b"1"})
    status, result = trial.container(*stranger).run()
    assert status == 0 and result["extra_data"]["state"] == "refused" and "roster" in result["output"], result
    assert rows(trial.folder, "SELECT count(*) FROM flag WHERE kind = 'owner' AND state = 'open'") == [(1,)]
    roster = trial.course / "roster.csv"
    write(roster, roster.read_text() + "s0009,Late Comer,nobody@example.edu,\n")
    wait_until(lambda: trial.container(*stranger).run()[1].get("score") == 10, 60, "the mended roster is read")
    assert rows(trial.folder, "SELECT count(*) FROM flag WHERE kind = 'owner' AND state = 'open'") == [(0,)]
    future = trial.container(autograder, 122, ["s0004@example.edu"], {"answer.txt": b"1"}, created="2129-01-01T00:00:00Z")
    assert future.run()[0] == 0
    assert rows(trial.folder, "SELECT count(*) FROM flag WHERE kind = 'late' AND message LIKE '%still to come%'") == [(1,)]


def test_keys(trial, autograder):
    hw1 = "/api/v1/gradescope/hw1/submissions"
    key = rubric("gradescope", "key", "add", "-a", "hw1", "--config", trial.config).strip()
    known = trial.ask("GET", f"{hw1}/101?wait=25", key)
    assert known[0] == 200 and json.loads(known[1])["score"] == 10 and known[2]["X-Rubricd-Submission"] == "101", known
    for path, of, status in ((f"{hw1}/999", key, 404), (f"{hw1}/101", None, 401), (f"{hw1}/101", "rbk_guess", 401),
                             ("/api/v1/gradescope/m1/submissions/120", key, 403), (f"{hw1}/101?wait=soon", key, 400)):
        assert trial.ask("GET", path, of)[0] == status, path
    about = {"Idempotency-Key": "k", "Expect": ""}
    for body, status in ((b"", 400), (b"nonsense", 400), (b"5\n{}abc", 400), (b"2\n{}abc", 400), (b"9\n{\"id\":1}a", 400)):
        assert trial.ask("POST", hw1, key, body, about)[0] == status, body
    assert trial.ask("POST", hw1, key, b"9\n{\"id\": 1}", {})[0] == 400
    assert trial.ask("GET", hw1, key)[0] == 405
    for _ in range(20000):
        status, _, headers = trial.ask("GET", f"{hw1}/101", key)
        if status != 200:
            break
    assert status == 429 and int(headers["Retry-After"]) > 0, status
    assert key not in (trial.folder / "log").read_text()
    assert key not in rubric("gradescope", "key", "list", "--config", trial.config)
    [last] = [row[0] for row in rows(trial.folder, "SELECT max(id) FROM api_key")]
    rubric("gradescope", "key", "revoke", last, "--config", trial.config)
    assert trial.ask("GET", f"{hw1}/101", key)[0] == 401
    box = trial.container(autograder, 130, ["s0000@example.edu"], {"answer.txt": b"1"})
    write(box.base / "source/rubricd.key", f'header = "Authorization: Bearer {key}"\n')
    assert box.run() == (1, None) and "does not take it" in box.said, box.said


def test_troubles(trial, autograder):
    """Down before, dead in the wait, not graded in time."""
    answer = {"answer.txt": b"1"}
    trial.daemon.stop()
    box = trial.container(autograder, 140, ["s0000@example.edu"], answer).hurry(3)
    assert box.run() == (1, None) and "no answer in time" in box.said, box.said
    box = trial.container(autograder, 141, ["s0001@example.edu"], answer)
    process = box.begin()
    trial.start_web_alone()
    wait_until(lambda: submissions(trial.folder, 141), 60, "it is handed over once the server is there")
    assert trial.ask("GET", "/healthz")[0] == 200
    trial.stop_web()
    trial.start()
    process.communicate(timeout=300)
    assert process.returncode == 0 and box.result()["score"] == 10, box.result()
    trial.daemon.stop()
    trial.start_web_alone()
    earlier = [{"submission_time": "2029-11-01T10:00:00Z", "score": 7.5, "autograder_error": False}]
    box = trial.container(autograder, 142, ["s0002@example.edu"], answer, previous=earlier).hurry(8)
    status, result = box.run()
    assert status == 0 and result["score"] == 7.5 and "rerun" in result["output"] and shows_total(result), (status, result, box.said)
    status, result = trial.container(autograder, 143, ["s0003@example.edu"], answer).hurry(8).run()
    assert status == 0 and "score" not in result and "rerun" in result["output"] and not shows_total(result), (status, result)
    trial.stop_web()
    trial.start()
    box = trial.container(autograder, 142, ["s0002@example.edu"], answer, previous=earlier)
    assert box.run()[0] == 0 and box.result()["score"] == 10 and len(submissions(trial.folder, 142)) == 1


class Cutter(socketserver.ThreadingTCPServer):
    """Between the container and the daemon; cuts each of its next connections as `plan` says, and lets later ones pass."""

    daemon_threads = True
    PLACES = ("at once", "in the request", "before the answer", "in the answer")

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), _Cut)
        self.port, self.plan = port, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Cut(socketserver.BaseRequestHandler):
    def handle(self):
        place = self.server.plan.pop(0) if self.server.plan else None
        if place == "at once":
            return
        with socket.create_connection(("127.0.0.1", self.server.port)) as daemon, selectors.DefaultSelector() as ready:
            ready.register(self.request, selectors.EVENT_READ, daemon)
            ready.register(daemon, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in ready.select(60):
                    data = key.fileobj.recv(65536)
                    is_answer = key.fileobj is daemon
                    if not data or (place == "before the answer" and is_answer):
                        return
                    if place == ("in the answer" if is_answer else "in the request"):
                        key.data.sendall(data[: len(data) // 2])
                        return
                    key.data.sendall(data)


def test_cuts(trial, autograder):
    """The connection breaks at each step of handing over and of waiting: once, and again and again."""
    cutter = Cutter(trial.port)
    plans = [list(Cutter.PLACES), [None, *Cutter.PLACES]]
    for number, plan in enumerate(plans, 160):
        cutter.plan = list(plan)
        box = trial.container(autograder, number, ["s0004@example.edu"], {"answer.txt": b"%d" % number}).reach(cutter.server_address[1])
        status, result = box.run()
        assert status == 0 and result["score"] == 10 and not cutter.plan, (plan, status, result, box.said)
        assert len(submissions(trial.folder, number)) == 1, plan


class Pages(http.server.ThreadingHTTPServer):
    """A proxy that answers by itself."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Page(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(413)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *args):
        pass


def test_pages(trial, autograder):
    """What a proxy answers in our place is no result."""
    box = trial.container(autograder, 150, ["s0001@example.edu"], {"answer.txt": b"1"}).reach(Pages().server_port)
    assert box.run() == (1, None) and "not from rubricd" in box.said, box.said


def main():
    with tempfile.TemporaryDirectory(prefix="rubric-bridge-") as folder:
        trial = Trial(folder)
        try:
            trial.start()
            autograder = trial.autograder("hw1")
            test_runs(trial, autograder)
            test_sizes(trial, autograder)
            test_owners(trial, autograder)
            test_keys(trial, autograder)
            test_pages(trial, autograder)
            test_cuts(trial, autograder)
            test_troubles(trial, autograder)
        except BaseException:
            print((trial.folder / "log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            trial.daemon.stop()
            if trial.web:
                trial.stop_web()
    print("bridge: handed over once, graded once, no 0 for our troubles")


if __name__ == "__main__":
    main()
