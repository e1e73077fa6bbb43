# SPDX-License-Identifier: Apache-2.0
"""Git's smart HTTP as GitHub serves it: lighttpd and `git http-backend` on 127.0.0.1 over the bare repositories of
github_standin.Github(git=True), for whoever brings one of its tokens (Basic, user x-access-token)."""

import base64
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

from rubricd_testing import free_port

# Fields of the access log: status, whether a credential was sent, path.
CGI = """#!/bin/sh
# One request of git: the credential is compared with the hub's, then it is git's. What is refused is told as GitHub tells it.
folder={folder}
say() {{ printf '%s %s %s\\n' "$1" "${{HTTP_AUTHORIZATION:+sent}}" "$PATH_INFO" >>"$folder/git-log"; }}
refuse() {{
  say "$1"
  printf 'Status: %s\\r\\nContent-Type: text/plain\\r\\n%b\\r\\n%s\\n' "$1" "$2" "$3"
  exit 0
}}
for fault in "$folder"/git-faults/*; do
  if mv "$fault" "$folder/git-fault.$$" 2>/dev/null; then
    read -r status <"$folder/git-fault.$$"
    rm "$folder/git-fault.$$"
    if [ "$status" = reset ]; then
      say reset
      printf 'Content-Type: application/x-git-upload-pack-advertisement\\r\\nContent-Length: 5000\\r\\n\\r\\n001e# service'
      kill -KILL $$
    fi
    refuse "$status" "" "fault of the test"
  fi
done
is_known=
while read -r line; do
  [ "$line" = "$HTTP_AUTHORIZATION" ] && is_known=1
done <"$folder/git-credentials"
[ "$is_known" ] || refuse 401 'WWW-Authenticate: Basic realm="GitHub"\\r\\n' 'Bad credentials'
[ -d "$folder/git$(printf '%s' "$PATH_INFO" | sed 's,\\.git/.*,.git,')" ] || refuse 404 "" 'Repository not found.'
case $QUERY_STRING$PATH_INFO in *receive-pack*) refuse 403 "" 'Write access to repository not granted.' ;; esac
say 200
unset HTTP_AUTHORIZATION
GIT_PROJECT_ROOT=$folder/git GIT_HTTP_EXPORT_ALL=1 exec git http-backend
"""


def basic(token):
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


class GitHttp:
    """Serves <folder>/git. `admit(tokens)` says which are good from now on; `fault(status, n)` breaks the next n requests."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "git-faults").mkdir(parents=True, exist_ok=True)
        self.n_faults = 0
        self.admit([])
        script = self.folder / "git-cgi"
        script.write_text(CGI.format(folder=shlex.quote(str(self.folder))))
        script.chmod(0o700)
        program = shutil.which("lighttpd") or shutil.which("lighttpd", path="/usr/sbin:/usr/local/sbin")
        if not program:
            raise SystemExit("lighttpd is not installed (./dev test installs it)")
        self.start(program, script)

    def start(self, program, script):
        for _ in range(5):
            self.port = free_port()
            config = self.folder / "lighttpd.conf"
            config.write_text(f"""server.modules = ("mod_cgi", "mod_alias")
server.document-root = "{self.folder}/nothing"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.folder}/lighttpd.log"
server.upload-dirs = ("{self.folder}")
alias.url = ("/" => "{script}/")
$HTTP["url"] =~ "" {{ cgi.assign = ("" => "") }}
""")
            self.process = subprocess.Popen([program, "-D", "-f", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            if self.is_up():
                return
        raise SystemExit(f"lighttpd does not start: {(self.folder / 'lighttpd.log').read_text()}")

    def is_up(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def admit(self, tokens):
        """Whole at each moment: requests read it meanwhile."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as new:
            new.write("".join(basic(token) + "\n" for token in tokens))
        os.rename(new.name, self.folder / "git-credentials")

    def fault(self, status, times=1):
        """`status`: a number, or "reset": the connection ends in the middle of the answer."""
        for _ in range(times):
            self.n_faults += 1
            (self.folder / f"git-faults/{self.n_faults:06}").write_text(f"{status}\n")

    def faults_left(self):
        return len(list((self.folder / "git-faults").iterdir()))

    def log(self):
        """[(status, "sent" or "", path)] of every request so far."""
        path = self.folder / "git-log"
        return [tuple(line.split(" ", 2)) for line in path.read_text().splitlines()] if path.exists() else []

    def close(self):
        self.process.terminate()
        self.process.wait()
