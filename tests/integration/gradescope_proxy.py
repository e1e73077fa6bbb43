#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The snippets of docs/rest.md for nginx and Caddy, as they stand there but for addresses and certificate, between the bridge and the
daemon: TLS, a large body, a long poll, and a refusal that is a document of rubricd's. What is not installed is left out."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gradescope_bridge import Trial, rows, write_noise  # noqa: E402
from rubricd_testing import free_port, rubric, wait_until, write  # noqa: E402

GUIDE = pathlib.Path(__file__).parents[2] / "docs/rest.md"
NAME = "rubricd.example.edu"
WAIT_S = int(os.environ.get("RUBRIC_PROXY_WAIT", "3"))
MEGABYTES = int(os.environ.get("RUBRIC_PROXY_MB", "12"))


def snippet(heading):
    """The indented block below a line of the guide."""
    lines = GUIDE.read_text().split(f"\n{heading}\n\n")[1].splitlines()
    block = []
    for line in lines:
        if line and not line.startswith("    "):
            break
        block.append(line[4:])
    return "\n".join(block) + "\n"


def replace(text, pairs):
    for old, new in pairs:
        if old not in text:
            raise SystemExit(f"the guide's snippet has no \"{old}\" any more:\n{text}")
        text = text.replace(old, new)
    return text


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)


def begin_nginx(folder, port, backend):
    server = replace(snippet("nginx:"), [
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"), ("127.0.0.1:8080", f"127.0.0.1:{backend}"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(folder / "cert.pem")),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(folder / "key.pem"))])
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = write(folder / "nginx.conf", f"{user}daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
                   f"events {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n")
    return subprocess.Popen(["nginx", "-p", folder, "-c", config, "-e", folder / "error.log"], stdin=subprocess.DEVNULL)


def begin_caddy(folder, port, backend):
    site = replace(snippet("Caddy:"), [(f"{NAME} {{\n", f"{NAME}:{port} {{\n    bind 127.0.0.1\n    tls {folder}/cert.pem {folder}/key.pem\n"),
                                       ("127.0.0.1:8080", f"127.0.0.1:{backend}")])
    config = write(folder / "Caddyfile", "{\n    admin off\n    auto_https off\n}\n" + site)
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", config], stdin=subprocess.DEVNULL, env=environment,
                            stderr=open(folder / "caddy.log", "wb"))


def ask(folder, port, path, *arguments):
    """(status, body) by curl, as the bridge asks."""
    done = subprocess.run(["curl", "--silent", "--show-error", "--cacert", folder / "cert.pem", "--resolve", f"{NAME}:{port}:127.0.0.1",
                           "--write-out", "\n%{http_code}", *arguments, f"https://{NAME}:{port}{path}"], capture_output=True, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def reach(box, folder, port):
    """The container knows the name and trusts the certificate."""
    conf = box.base / "source/rubricd.conf"
    conf.write_text(re.sub(r"http://127\.0\.0\.1:\d+", f"https://{NAME}:{port}", conf.read_text()))
    write(box.base / "source/rubricd.key", (box.base / "source/rubricd.key").read_text()
          + f'cacert = "{folder}/cert.pem"\nresolve = "{NAME}:{port}:127.0.0.1"\n')
    return box


def run_proxy(trial, autograder, begin, kind, number):
    folder = trial.folder / kind
    folder.mkdir()
    make_certificate(folder)
    port = free_port()
    proxy = begin(folder, port, trial.port)
    try:
        wait_until(lambda: proxy.poll() is not None or ask(folder, port, "/healthz")[0] == 200, 60, f"{kind} listens")
        assert proxy.poll() is None, f"{kind} does not take the guide's text: " + "".join(
            path.read_text() for path in folder.glob("*.log"))
        box = reach(trial.container(autograder, number, ["s0000@example.edu"], {"answer.txt": b"1"}), folder, port)
        write_noise(box.base / "submission/data", MEGABYTES)
        begin_s = time.monotonic()
        status, result = box.run()
        assert status == 0 and result["score"] == 10, (kind, result, box.said)
        large_s = time.monotonic() - begin_s

        trial.daemon.stop()
        trial.start_web_alone()  # nothing is graded, so that a poll lasts
        box = reach(trial.container(autograder, number + 1, ["s0001@example.edu"], {"answer.txt": b"1"}), folder, port).hurry(15)
        status, result = box.run()
        assert status == 0 and "score" not in result and "rerun" in result["output"], (kind, result, box.said)
        key = rubric("gradescope", "key", "add", "-a", "hw1", "--max-bytes", "1000", "--config", trial.config).strip()
        poll = f"/api/v1/gradescope/hw1/submissions/{number + 1}?wait={WAIT_S}"
        begin_s = time.monotonic()
        status, body = ask(folder, port, poll, "--header", f"Authorization: Bearer {key}")
        waited_s = time.monotonic() - begin_s
        assert status == 202 and body.startswith("{") and waited_s >= WAIT_S, (kind, status, body, waited_s)

        box = reach(trial.container(autograder, number + 2, ["s0002@example.edu"], {"answer.txt": os.urandom(5000)}), folder, port)
        text = (box.base / "source/rubricd.key").read_text()
        write(box.base / "source/rubricd.key", re.sub(r"Bearer [^\"]+", f"Bearer {key}", text))
        status, result = box.run()
        assert status == 0 and result["extra_data"]["state"] == "too_large", (kind, result, box.said)
        trial.stop_web()
        trial.web = None
        status, _ = ask(folder, port, "/healthz")
        assert status == 502, f"{kind} says {status} when we are down"
        trial.start()
        assert rows(trial.folder, "SELECT count(*) FROM submission WHERE external_id LIKE ?", f"%submission_{number}") == [(1,)]
        print(f"{kind}: {MEGABYTES} MB in {large_s:.1f} s, a poll of {WAIT_S} s, too large, down")
    finally:
        proxy.terminate()
        proxy.wait()


def main():
    kinds = [(name, begin) for name, begin in (("nginx", begin_nginx), ("caddy", begin_caddy)) if shutil.which(name)]
    if not kinds:
        print("skipped: neither nginx nor caddy is installed")
        raise SystemExit(77)
    with tempfile.TemporaryDirectory(prefix="rubric-proxy-") as folder:
        trial = Trial(folder)
        try:
            trial.start()
            autograder = trial.autograder("hw1")
            for i, (kind, begin) in enumerate(kinds):
                run_proxy(trial, autograder, begin, kind, 300 + 10 * i)
        except BaseException:
            print((trial.folder / "log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            trial.daemon.stop()
            if trial.web:
                trial.stop_web()


if __name__ == "__main__":
    main()
