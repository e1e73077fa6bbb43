# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: a small course, a webhook receiver that counts effects, and the daemon as a child."""

import atexit
import http.server
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import threading
import time


def programs():
    """The folder of the built programs."""
    return pathlib.Path(os.environ.get("RUBRIC_BIN", pathlib.Path(__file__).parents[2] / "build/release/bin"))


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook receiver on 127.0.0.1: remembers each request and counts idempotency keys. `fault(n)` may return a status to
    answer instead, or "reset" (drop before the effect) or "reset-after" (count the effect, then drop the connection)."""

    daemon_threads = True

    def __init__(self, fault=lambda n: None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault = fault
        self.lock = threading.Lock()
        self.n_requests = 0
        self.effects = {}  # idempotency key -> list of (monotonic time, body)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"

    def handle_error(self, request, client_address):
        pass  # a client that we dropped, or that was killed, is no news here


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with server.lock:
            server.n_requests += 1
            fault = server.fault(server.n_requests)
        if fault == "reset":
            self.close_connection = True
            return
        if fault is None or fault == "reset-after":
            with server.lock:
                key = self.headers["Idempotency-Key"]
                server.effects.setdefault(key, []).append((time.monotonic(), time.time(), body))
        if fault == "reset-after":
            self.close_connection = True
            return
        self.send_response(fault if isinstance(fault, int) else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def write(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def make_course(folder, n_people, deadline, check="files: {present: answer.txt}"):
    """One homework, `n_people` students with 7 tokens each, one machine check."""
    folder = pathlib.Path(folder)
    write(folder / "course.yaml", f"""course: trivial
title: One trivial check
timezone: America/New_York
assignments:
  hw1: {{title: Homework 1, kind: homework, owner: person, deadline: "{deadline}"}}
tokens:
  banks:
    person: {{pool: 7}}
  late: {{unit: started_day, price: 1}}
  without_tokens: {{person: {{percent: 15}}}}
""")
    write(folder / "rubrics/hw1.yaml", f"""rubric: hw1
title: Homework 1
items:
  - id: answer
    points: 10
    title: There is an answer
    passes: "The file answer.txt is there."
    check: {{{check}}}
""")
    people = "".join(f"s{i:04d},Student {i},s{i:04d}@example.edu\n" for i in range(n_people))
    write(folder / "roster.csv", "id,name,email\n" + people)
    return folder


def make_config(folder, course, webhook_url, **settings):
    """rubricd.yaml with a folder source, a webhook and a folder sink."""
    folder = pathlib.Path(folder)
    (folder / "inbox/hw1").mkdir(parents=True, exist_ok=True)
    write(folder / "secret", "not a real secret, only a test's").chmod(0o600)
    lines = "".join(f"{key}: {value}\n" for key, value in settings.items())
    return write(folder / "rubricd.yaml", f"""course: {course}
state: state
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu] # tests run for an ordinary user as well
{lines}sources:
  - folder: {{name: inbox, path: inbox, every: 200ms}}
sinks:
  - webhook: {{name: hook, url: "{webhook_url}", secret_file: secret, max_tries: 1000, timeout: 5s}}
""")


class Daemon:
    """rubricd as a child, ended by SIGTERM, at the latest when we end; or its whole tree killed."""

    def __init__(self, config, log):
        self.config = config
        self.log = open(log, "ab")
        self.process = None
        atexit.register(self.stop)

    def start(self):
        self.process = subprocess.Popen([programs() / "rubricd", "--config", str(self.config)],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def tree(self):
        """Pids of the daemon and all that descends from it."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                except OSError:
                    continue
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue.extend(children.get(pid, []))
        return found

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL to the supervisor; its children die with it."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def store(folder):
    """The daemon's store, read-only."""
    [path] = pathlib.Path(folder, "state").glob("*.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    connection.row_factory = sqlite3.Row
    return connection


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    """Polls a condition with a deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise SystemExit(f"not within {seconds} s: {what}")


def rubric(*arguments, check=True):
    """Runs the command; its stdout."""
    done = subprocess.run([programs() / "rubric", *map(str, arguments)], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"rubric {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def verdict_of(body):
    return json.loads(body)


def valid_results(document):
    """The same results.json, which is as rubrics/schema/ says."""
    try:
        import jsonschema
    except ImportError:
        print("not held against the schema: python3-jsonschema is not installed")
        return document
    schema = pathlib.Path(__file__).parents[2] / "rubrics/schema/gradescope-results.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(document)
    return document


def shows_total(document):
    """Does Gradescope show the student a total? Not while any test is hidden."""
    return all(test.get("visibility", document.get("visibility", "visible")) != "hidden" for test in document.get("tests", []))
