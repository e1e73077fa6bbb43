#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`network: {hosts: [...]}` of a check: its box reaches the named host and no other, and what it asked for is told."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from boxes import RUBRIC, require_python, serve  # noqa: E402


COURSE = """
course: hosts
title: Hosts
timezone: UTC
teams:
  red: {host: 127.0.0.1}
assignments:
  m1: {title: M1, kind: milestone, owner: team, deadline: "2022-09-07 12:00:00"}
"""
FETCH = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode().strip())
except urllib.error.HTTPError as error:
    sys.exit(str(error.code))
"""


def rubric(named, other):
    opened = f'network: {{hosts: ["{{team.host}}:{named}"]}}, env: {{no_proxy: "", NO_PROXY: ""}}, stdout: "from the host\\n"'
    return f"""
rubric: m1
title: M1
items:
  - {{id: opened, points: 1, title: T, passes: p, check: {{run: {{command: [python3, fetch.py, "http://127.0.0.1:{named}/page"], {opened}}}}}}}
  - {{id: other, points: 1, title: T, passes: p, check: {{run: {{command: [python3, fetch.py, "http://127.0.0.1:{other}/page"], {opened}}}}}}}
  - {{id: closed, points: 1, title: T, passes: p, check: {{run: {{command: [python3, fetch.py, "http://127.0.0.1:{named}/shut"]}}}}}}
  - {{id: gone, points: 1, title: T, passes: p, check: {{run: {{command: [python3, fetch.py, "http://127.0.0.1:1/page"],
      network: {{hosts: ["{{team.host}}:1"]}}, env: {{no_proxy: "", NO_PROXY: ""}}}}}}}}
  - {{id: nobody, points: 1, title: T, passes: p, check: {{run: {{command: "true", network: {{hosts: ["{{team.house}}:1"]}}}}}}}}
"""


def main():
    require_python()
    named, other = serve(), serve()
    with tempfile.TemporaryDirectory() as place:
        course, work = pathlib.Path(place, "course"), pathlib.Path(place, "work")
        (course / "rubrics").mkdir(parents=True)
        work.mkdir()
        (course / "course.yaml").write_text(COURSE)
        (course / "roster.csv").write_text("id,name,email,team,status\nann,Ann,ann@x.example,red,student\n")
        (course / "rubrics/m1.yaml").write_text(rubric(named.server_port, other.server_port))
        (work / "fetch.py").write_text(FETCH)
        done = subprocess.run([RUBRIC, "grade", "-c", course, "-a", "m1", "--owner", "red", "--staff", "--json", work], capture_output=True,
                              text=True, timeout=300, check=False)
    assert done.returncode in (0, 1, 3), done
    items = {item["id"]: item for item in json.loads(done.stdout)["items"]}

    def finding(item):
        return items[item]["findings"][0]

    assert finding("opened")["outcome"] == "pass", finding("opened")
    assert f"GET 127.0.0.1:{named.server_port}: let through to 127.0.0.1;" in finding("opened")["evidence"], finding("opened")
    assert finding("other")["outcome"] == "fail", finding("other")
    assert f"it asked for 127.0.0.1:{other.server_port}, which is not one of the hosts that this check opens" in finding("other")["message"]
    assert finding("closed")["outcome"] == "fail" and "connections" not in finding("closed")["evidence"], finding("closed")
    assert finding("gone")["outcome"] == "fail", finding("gone")
    assert "could not be reached: 127.0.0.1:1: 127.0.0.1 does not answer" in finding("gone")["suspicion"], finding("gone")
    assert finding("nobody")["outcome"] == "error" and "{team.house} has no value" in finding("nobody")["message"], finding("nobody")
    assert named.paths == ["/page"] and other.paths == [], (named.paths, other.paths)
    print("check_hosts: all is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
