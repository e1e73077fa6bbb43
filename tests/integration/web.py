#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The role web against clients that mean well and others: webhooks are stored once, what is wrong is refused with a sentence, nobody
who dawdles or floods stops the next one."""

import hashlib
import hmac
import json
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
from rubricd_testing import make_course, programs, store, wait_until, write  # noqa: E402

SECRET = b"a secret that only this test knows"


class WebRole:
    """`rubricd role web` alone, on a port of the kernel's choice."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        course = make_course(self.folder / "course", 2, "2030-01-01T00:00:00Z")
        write(self.folder / "secret", SECRET.decode() + "\n").chmod(0o600)
        self.config = write(self.folder / "rubricd.yaml",
                            f"course: {course}\nstate: state\nweb: {{listen: \"127.0.0.1:0\"}}\n"
                            "github: {token_file: token, webhook_secret_file: secret}\n")
        self.log = open(self.folder / "log", "ab")
        self.start()

    def start(self):
        address = self.folder / "state/run/web.address"
        address.unlink(missing_ok=True)
        self.process = subprocess.Popen([programs() / "rubricd", "role", "web", "--config", self.config],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until(address.exists, 60, "the role web listens")
        self.port = int(address.read_text().rpartition(":")[2])

    def stop(self):
        self.process.kill()
        self.process.wait()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def raw(self, data):
        """Sends bytes, reads till the server closes; (status, whole answer)."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass  # it may refuse and close before all is sent
            answer = b""
            while True:
                try:
                    piece = connection.recv(65536)
                except OSError:
                    break
                if not piece:
                    break
                answer += piece
        return int(answer.split()[1]) if answer else 0, answer.decode(errors="replace")

    def ask(self, method, path, headers=(), body=b"", length=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        if body or method == "POST" or length is not None:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def signed(body, event="push", guid="0001", secret=SECRET, content_type="application/json"):
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return [f"X-GitHub-Event: {event}", f"X-GitHub-Delivery: {guid}", f"Content-Type: {content_type}",
            f"X-Hub-Signature-256: sha256={signature}"]


def expect(what, answer, status, part=""):
    if answer[0] != status or part not in answer[1]:
        raise SystemExit(f"{what}: wanted {status} with \"{part}\", got {answer[0]}: {answer[1]}")


def deliveries(web):
    with store(web.folder) as rows:
        return [dict(row) for row in rows.execute("SELECT * FROM delivery ORDER BY id")]


def test_webhooks(web):
    push = json.dumps({"ref": "refs/heads/main", "repository": {"full_name": "org/t1"}}).encode()
    hook = "/github/webhook"
    expect("a delivery", web.ask("POST", hook, signed(push), push), 202, "taken")
    expect("the same again", web.ask("POST", hook, signed(push), push), 202, "known already")
    [row] = deliveries(web)
    assert row["event"] == "push" and row["repository"] == "org/t1" and row["body"] == push.decode(), row
    expect("ping", web.ask("POST", hook, signed(b"{}", "ping", "p"), b"{}"), 200, "pong")
    expect("an event of no use", web.ask("POST", hook, signed(b"{}", "star", "s"), b"{}"), 204)
    expect("an event that nobody knows yet", web.ask("POST", hook, signed(b"{}", "of_next_year", "n"), b"{}"), 204)
    rerun = json.dumps({"action": "rerequested"}).encode()
    expect("grade again", web.ask("POST", hook, signed(rerun, "check_run", "c"), rerun), 202)

    expect("no signature", web.ask("POST", hook, signed(push)[:3], push), 401, "X-Hub-Signature-256 is missing")
    expect("another secret", web.ask("POST", hook, signed(push, secret=b"guessed it"), push), 401, "does not fit")
    expect("another body", web.ask("POST", hook, signed(push), push.replace(b"t1", b"t2")), 401)
    expect("a form", web.ask("POST", hook, signed(push, content_type="application/x-www-form-urlencoded"), push), 415)
    expect("no event", web.ask("POST", hook, signed(push)[1:], push), 400)
    expect("two events", web.ask("POST", hook, signed(push) + ["X-GitHub-Event: ping"], push), 400, "came twice")
    expect("no JSON", web.ask("POST", hook, signed(b"{"), b"{"), 400)
    expect("a list", web.ask("POST", hook, signed(b"[]"), b"[]"), 400)
    expect("too large", web.ask("POST", hook, signed(b""), length=26 * 1024 * 1024), 413)
    expect("by GET", web.ask("GET", hook), 405, "Allow: POST")
    large = json.dumps({"repository": {"full_name": "org/t9"}, "commits": ["x" * 1000] * 3000}).encode()
    expect("a large one", web.ask("POST", hook, signed(large, guid="large"), large), 202)
    rows = deliveries(web)
    assert [row["guid"] for row in rows] == ["0001", "c", "large"], rows
    assert rows[2]["body"] is None and rows[2]["repository"] == "org/t9"


def test_heads(web):
    tail = b"Host: h\r\nConnection: close\r\n"
    expect("alive", web.ask("GET", "/healthz"), 200, "alive")
    for path in ("/", "/healthz/", "/%68ealthz", "/../healthz", "/healthz%00", "/healthz/../../etc/passwd", "//healthz"):
        expect(path, web.ask("GET", path), 404)
    post = b"POST /github/webhook HTTP/1.1\r\n" + tail
    expect("chunked", web.raw(post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 411)
    expect("both lengths", web.raw(post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400)
    expect("two lengths", web.raw(post + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400)
    expect("a signed length", web.raw(post + b"Content-Length: +3\r\n\r\nabc"), 400)
    expect("no length", web.raw(post + b"\r\n"), 411)
    expect("no host", web.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"), 400)
    expect("two hosts", web.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + tail + b"\r\n"), 400)
    status, _ = web.raw(b"GET /healthz HTTP/1.1\r\n" + tail + b"X: " + b"x" * 100000 + b"\r\n\r\n")
    assert status in (0, 400, 413, 431), status
    status, _ = web.raw(b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n" + tail + b"\r\n")
    assert status in (0, 400, 404, 414, 431), status
    status, _ = web.raw(b"\x00\xff\x16\x03 nonsense\r\n\r\n")
    assert status in (0, 400), status
    # A second request behind a refused one is not served: what follows a bad head is no request.
    _, text = web.raw(post.replace(b"Connection: close\r\n", b"") + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    assert text.count("HTTP/1.1") == 1, text
    pipelined = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 20 + b"GET /healthz HTTP/1.1\r\n" + tail + b"\r\n"
    assert web.raw(pipelined)[1].count("HTTP/1.1 200") == 21


def test_crowds(web):
    """Connections that only begin do not keep others out."""
    held = [web.connect() for _ in range(300)]
    for connection in held:
        connection.sendall(b"POST /github/webhook HTTP/1.1\r\nHost: h\r\nX-Slow: ")
    expect("alive beside 300 that dawdle", web.ask("GET", "/healthz"), 200)
    # Sooner or later each of them is shut down, whatever it trickles.
    held[0].settimeout(90)
    assert held[0].recv(1000) is not None
    for connection in held:
        connection.close()
    expect("alive afterwards", web.ask("GET", "/healthz"), 200)


def test_a_busy_store(web):
    """A store that somebody holds gives 503 and a time to come back, not silence."""
    push = b"{}"
    writer = sqlite3.connect(web.folder / "state/rubricd.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    expect("busy", web.ask("POST", "/github/webhook", signed(push, guid="b"), push), 503, "Retry-After: ")
    writer.execute("ROLLBACK")
    writer.close()
    expect("free again", web.ask("POST", "/github/webhook", signed(push, guid="b"), push), 202)


def test_a_death(web):
    push = b"{}"
    expect("before", web.ask("POST", "/github/webhook", signed(push, guid="d"), push), 202)
    web.stop()
    web.start()
    expect("after", web.ask("POST", "/github/webhook", signed(push, guid="d"), push), 202, "known already")
    assert SECRET.decode() not in (web.folder / "log").read_text()


def main():
    with tempfile.TemporaryDirectory(prefix="rubric-web-") as folder:
        web = WebRole(folder)
        try:
            test_webhooks(web)
            test_heads(web)
            test_crowds(web)
            test_a_busy_store(web)
            test_a_death(web)
        finally:
            web.stop()
    print("web: webhooks once, bad heads refused, crowds endured")


main()
