#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`service:` of a check: the submission's server in one box, the course's tests in another, and whose fault it is when either ends."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from boxes import RUBRIC, require_python  # noqa: E402


COURSE = """
course: service
title: Service
timezone: UTC
assignments:
  m1: {title: M1, deadline: "2022-09-07 12:00:00"}
"""
# Answers /health with 503 twice, /see with what it sees of the other box, /last and then ends.
SERVER = """
import http.server, os, sys
n = 0
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global n
        n += 1
        status = 503 if self.path == "/health" and n < 3 else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{self.path} {os.path.exists('/checks')} {open('/work/data').read()}".encode())
        if self.path == "/last":
            self.wfile.flush()
            print("that was it", flush=True)
            os._exit(7)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 8082), Server)
print("serving on 8082", flush=True)
server.serve_forever()
"""
ASK = """
import os, sys, urllib.request
print(sorted(name for name in os.listdir("/work") if not name.startswith(".rubric-out-")))
for path in sys.argv[1:]:
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8082" + path, timeout=20).read().decode())
    except OSError as error:
        sys.exit("no answer: " + type(error).__name__)
"""
RUBRIC_TEXT = """
rubric: m1
title: M1
items:
  - {id: answers, points: 1, title: T, passes: p, check: {run: {command: [python3, "{checks}/ask.py", /see], hidden: checks/m1, stdout: "[]\\n/see False rows\\n",
      service: {run: python3 server.py, ready: {port: 8082}, within: 60s}}}}
  - {id: healthy, points: 1, title: T, passes: p, check: {run: {command: [python3, "{checks}/ask.py", /see, /health], hidden: checks/m1,
      service: {run: [python3, server.py], ready: {http: "http://localhost:8082/health"}, within: 60s}}}}
  - {id: says, points: 1, title: T, passes: p, check: {tests: {run: "printf '1..1\\nok 1 - one\\n'", format: tap,
      service: {run: python3 server.py, ready: {line: "^serving on [0-9]+$"}, within: 60s}}}}
  - {id: absent, points: 1, title: T, passes: p, check: {run: {command: "true", service: {run: python3 missing.py, ready: {port: 8082}, within: 60s}}}}
  - {id: tested, points: 1, title: T, passes: p, check: {tests: {run: "true", format: tap, service: {run: exit 3, ready: {port: 8082}, within: 60s}}}}
  - {id: late, points: 1, title: T, passes: p, check: {run: {command: "true", service: {run: python3 server.py, ready: {port: 8083}, within: 1s}}}}
  - {id: sick, points: 1, title: T, passes: p, check: {run: {command: "true",
      service: {run: "printf ready; python3 -m http.server --bind 127.0.0.1 8082 -d /tmp", ready: {http: "http://127.0.0.1:8082/none"}, within: 8s}}}}
  - {id: dies, points: 1, title: T, passes: p, check: {run: {command: [python3, "{checks}/ask.py", /last, /see], hidden: checks/m1, error_exit: 1,
      service: {run: python3 server.py, ready: {port: 8082}, within: 60s}}}}
  - {id: unsure, points: 1, title: T, passes: p, check: {run: {command: "exit 5", error_exit: 5, service: {run: python3 server.py, ready: {port: 8082}, within: 60s}}}}
  - {id: lost, points: 1, title: T, passes: p, check: {run: {command: "true", service: {run: "true", folder: src, ready: {port: 8082}}}}}
"""


def main():
    require_python()
    with tempfile.TemporaryDirectory() as place:
        course, work = pathlib.Path(place, "course"), pathlib.Path(place, "work")
        (course / "rubrics").mkdir(parents=True)
        (course / "checks/m1").mkdir(parents=True)
        work.mkdir()
        (course / "course.yaml").write_text(COURSE)
        (course / "roster.csv").write_text("id,name,email,status\nann,Ann,ann@x.example,student\n")
        (course / "rubrics/m1.yaml").write_text(RUBRIC_TEXT)
        (course / "checks/m1/ask.py").write_text(ASK)
        (work / "server.py").write_text(SERVER)
        (work / "data").write_text("rows")
        done = subprocess.run([RUBRIC, "grade", "-c", course, "-a", "m1", "--staff", "--json", work], capture_output=True, text=True,
                              timeout=500, check=False)
    assert done.stdout, done
    found = {item["id"]: item["findings"][0] for item in json.loads(done.stdout)["items"]}
    claims = [
        ("answers", "pass", "did what is expected", "--- service ---\n$ python3 server.py\nran until it was stopped\n"),
        ("healthy", "pass", "did what is expected", "/see False rows"),
        ("says", "pass", "1 tests passed", "serving on 8082"),
        ("absent", "fail", "the service `python3 missing.py` ended before it was ready: it exited with status 2", "can't open file"),
        ("tested", "fail", "the service `exit 3` ended before it was ready: it exited with status 3", "--- service ---"),
        ("late", "fail", "the service `python3 server.py` was not ready within 1 s: nothing listened on port 8083", "ran until it was stopped"),
        ("sick", "fail", "was not ready within 8 s: http://127.0.0.1:8082/none answered with status 404", "ready"),
        ("dies", "fail", "the service `python3 server.py` had not lived that long: it exited with status 7", "that was it"),
        ("unsure", "error", "says that it could not judge", None),
        ("lost", "fail", 'the submission has no folder "src"', None),
    ]
    for item, outcome, message, evidence in claims:
        finding = found[item]
        assert finding["outcome"] == outcome and message in finding["message"], (item, finding)
        assert evidence is None or evidence in finding["evidence"], (item, finding)
    assert found["answers"]["figures"]["service"]["stopped"] and found["answers"]["figures"]["box"]["exit_code"] == 0, found["answers"]
    assert found["dies"]["figures"]["service"]["exit_code"] == 7 and not found["dies"]["figures"]["service"]["stopped"], found["dies"]
    assert "box" not in found["absent"]["figures"], found["absent"]
    print("check_service: all is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
