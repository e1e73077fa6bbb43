#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rubric box --host`: a box reaches the named host by the proxy, and nothing else in any way."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from boxes import RUBRIC, require_python, serve  # noqa: E402


def box(hosts, code):
    options = [word for host in hosts for word in ("--host", host)]
    command = [RUBRIC, "box", "--accept-missing", "all", *options, "--env", "no_proxy=", "--env", "NO_PROXY=",
               "--", "python3", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


FETCH = """
import urllib.request, urllib.error, socket
def fetch(url):
    try:
        print(urllib.request.urlopen(url, timeout=20).read().decode().strip())
    except urllib.error.HTTPError as error:
        print(error.code)
"""


def main():
    require_python()
    named, other = serve(), serve()
    host = f"127.0.0.1:{named.server_port}"
    done = box([host], FETCH + f"""
fetch("http://{host}/page")
fetch("http://127.0.0.1:{other.server_port}/other")
fetch("http://localhost:{named.server_port}/by-name")
fetch("http://169.254.169.254/latest/meta-data")
for port in ({named.server_port}, {other.server_port}):
    try:
        socket.create_connection(("127.0.0.1", port), 5)
        print("reached without the proxy")
    except OSError as error:
        print(type(error).__name__)
""")
    assert done.returncode == 0, done
    assert done.stdout == "from the host\n403\n403\n403\nConnectionRefusedError\nConnectionRefusedError\n", done
    assert named.paths == ["/page"] and other.paths == [], (named.paths, other.paths)
    assert f"proxy: GET {host}: let through to 127.0.0.1;" in done.stderr, done.stderr
    assert "proxy: GET 169.254.169.254:80: refused: not one of the check's hosts" in done.stderr, done.stderr

    by_name = f"localhost:{named.server_port}"
    done = box([by_name], FETCH + f'fetch("http://{by_name}/private")')
    assert done.stdout == "502\n" and named.paths == ["/page"], (done, named.paths)
    assert "which is not public" in done.stderr, done.stderr

    done = subprocess.run([RUBRIC, "box", "--host", "example.org", "--", "true"], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 2 and "is not NAME:PORT" in done.stderr, done
    print("box_hosts: all is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
