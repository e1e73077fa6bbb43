# SPDX-License-Identifier: Apache-2.0
"""For tests of boxes that reach something: can this machine make one, and a server outside of it."""

import http.server
import os
import subprocess
import sys
import threading

RUBRIC = os.path.join(os.environ["RUBRIC_BIN"], "rubric")


def require_python():
    """Skips the test, with the reason, where no box with python3 can be made."""
    probe = subprocess.run([RUBRIC, "box", "--accept-missing", "all", "--", "python3", "-c", ""], capture_output=True, text=True, timeout=120,
                           check=False)
    if probe.returncode != 0:
        print("skipped: no box with python3 can be made here:", probe.stderr.strip())
        sys.exit(77)


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from the host\n")

    def log_message(self, *args):
        pass


def serve():
    """A server on 127.0.0.1 for as long as the test runs; `paths`: what was asked of it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.paths = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
