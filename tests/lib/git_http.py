# SPDX-License-Identifier: Apache-2.0
"""Git's smart HTTP as GitHub serves it: lighttpd and `git http-backend` on 127.0.0.1 over the bare repositories of
github_standin.Github(git=True), for whoever brings one of its tokens (Basic, user x-access-token)."""

import base64
import http.client
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
stall=
for fault in "$folder"/git-faults/*; do
  read -r status only 2>/dev/null <"$fault" || continue
  case "$REQUEST_METHOD $PATH_INFO?$QUERY_STRING" in *"$only"*) ;; *) continue ;; esac
  if mv "$fault" "$folder/git-fault.$$" 2>/dev/null; then
    rm "$folder/git-fault.$$"
    if [ "$status" = stall ]; then
      stall=1
      break
    fi
    if [ "$status" = reset ]; then
      say reset
      printf 'Content-Type: application/x-git-upload-pack-advertisement\\r\\nContent-Length: 5000\\r\\n\\r\\n001e# service'
      kill -KILL $$
    fi
    refuse "$status" "" "fault of the test"
  fi
done
is_known=
may_write=
while read -r may line; do
  [ "$line" = "$HTTP_AUTHORIZATION" ] && is_known=1 && may_write=$may
done <"$folder/git-credentials"
[ "$is_known" ] || refuse 401 'WWW-Authenticate: Basic realm="GitHub"\\r\\n' 'Bad credentials'
[ -d "$folder/git$(printf '%s' "$PATH_INFO" | sed 's,\\.git/.*,.git,')" ] || refuse 404 "" 'Repository not found.'
case $QUERY_STRING$PATH_INFO in
  *receive-pack*)
    [ "$may_write" = write ] || refuse 403 "" 'Write access to repository not granted.'
    [ ! -e "$folder/git-archived/$(printf '%s' "$PATH_INFO" | sed 's,.*/\\([^/]*\\)\\.git/.*,\\1,')" ] ||
      refuse 403 "" 'This repository was archived so it is read-only.'
    mkdir -p "$folder/git-pushed"
    ;;
esac
say 200
unset HTTP_AUTHORIZATION
export GIT_PROJECT_ROOT="$folder/git" GIT_HTTP_EXPORT_ALL=1
case $REQUEST_METHOD$PATH_INFO in POST*receive-pack) ;; *) exec git http-backend ;; esac
git http-backend >"$folder/git-answer.$$"
: >"$folder/git-pushed/$(printf '%s' "$PATH_INFO" | sed 's,.*/\\([^/]*\\)\\.git/.*,\\1,')"
if [ "$stall" ]; then # done, and never answered
  : >"$folder/git-stalled"
  while [ -e "$folder/git-stalled" ]; do sleep 0.1; done
  exit 0
fi
cat "$folder/git-answer.$$"
rm "$folder/git-answer.$$"
"""


def basic(token):
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


class GitHttp:
    """Serves <folder>/git. `admit(readers, writers)` says which tokens are good from now on; `fault(status, n)` breaks the next n requests."""

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

    def admit(self, readers, writers=()):
        """Whole at each moment: requests read it meanwhile."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as new:
            new.write("".join(f"{'write' if token in writers else 'read'} {basic(token)}\n" for token in readers))
        os.rename(new.name, self.folder / "git-credentials")

    def fault(self, status, times=1, only=""):
        """`status`: a number; "reset": the connection ends in the middle of the answer; "stall": a push is done and not answered as long as
        <folder>/git-stalled is there. `only`: a part of "METHOD /path?query"."""
        for _ in range(times):
            self.n_faults += 1
            (self.folder / f"git-faults/{self.n_faults:06}").write_text(f"{status} {only}\n")

    def faults_left(self):
        return len(list((self.folder / "git-faults").iterdir()))

    def forward(self, request, raw):
        """What this server answers to a request that another got: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(request.method, request.target, raw or None, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        kept = ("content-type", "www-authenticate", "cache-control")
        return answer.status, {name: value for name, value in answer.getheaders() if name.lower() in kept}, body

    def log(self):
        """[(status, "sent" or "", path)] of every request so far."""
        path = self.folder / "git-log"
        return [tuple(line.split(" ", 2)) for line in path.read_text().splitlines()] if path.exists() else []

    def close(self):
        (self.folder / "git-stalled").unlink(missing_ok=True)
        self.process.terminate()
        self.process.wait()
