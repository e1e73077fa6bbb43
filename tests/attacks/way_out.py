#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a box with a way out (`rubric box --host`) tries with it: other hosts by other names, the proxy itself, the machine around."""
import http.server
import os
import socket
import subprocess
import sys
import threading

RUBRIC = os.path.join(os.environ["RUBRIC_BIN"], "rubric")

# Runs in the box: NAMED and OTHER are ports of the host, ABSTRACT the name of a socket there. Prints what it got.
ATTACK = r"""
import os, socket, sys
named, other, abstract = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def say(data, more=b""):
    s = socket.create_connection(("127.0.0.1", 3128), 20)
    s.settimeout(30)
    try:
        s.sendall(data)
        if more:
            s.sendall(more)
        answer = b""
        while len(answer) < 100000:
            part = s.recv(65536)
            if not part:
                break
            answer += part
    except OSError as error:
        answer = type(error).__name__.encode()
    s.close()
    return answer

def refused(what, data, more=b""):
    answer = say(data, more)
    if b"secret" in answer or answer.startswith(b"HTTP/1.1 200"):
        print("ESCAPED", what, answer[:200])

for target in (f"127.0.0.1:{other}", f"localhost:{named}", f"127.1:{named}", f"2130706433:{named}", f"0x7f000001:{named}", f"0177.0.0.1:{named}",
               f"[::1]:{other}", f"[::ffff:127.0.0.1]:{named}", f"0.0.0.0:{named}", f"127.0.0.1.:{other}", f"127.0.0.1%00.example.org:{other}",
               "169.254.169.254:80", f"127.0.0.1:{named}:{other}", f"127.0.0.1:{named}@127.0.0.1:{other}", f" 127.0.0.1:{other}", ":", "", "/",
               "unix:/var/run/docker.sock", f"127.0.0.1:{named + 65536}", f"127.0.0.1:+{named}", f"127.0.0.1:{other}#127.0.0.1:{named}"):
    refused("CONNECT " + target, f"CONNECT {target} HTTP/1.1\r\nHost: 127.0.0.1:{named}\r\n\r\n".encode())
    refused("GET " + target, f"GET http://{target}/secret HTTP/1.1\r\nHost: 127.0.0.1:{named}\r\n\r\n".encode())
refused("userinfo", f"GET http://127.0.0.1:{named}@127.0.0.1:{other}/secret HTTP/1.1\r\n\r\n".encode())
refused("own target", f"GET /secret HTTP/1.1\r\nHost: 127.0.0.1:{other}\r\n\r\n".encode())
refused("other scheme", f"GET file:///etc/shadow HTTP/1.1\r\n\r\n".encode())
refused("the proxy by itself", b"CONNECT 127.0.0.1:3128 HTTP/1.1\r\n\r\n", f"CONNECT 127.0.0.1:{other} HTTP/1.1\r\n\r\n".encode())
refused("bare line ends", f"CONNECT 127.0.0.1:{other} HTTP/1.1\n\n\r\n\r\n".encode())
refused("folded", f"CONNECT\r\n 127.0.0.1:{other} HTTP/1.1\r\n\r\n".encode())
refused("NUL", f"CONNECT 127.0.0.1:{named}\0.example.org:443 HTTP/1.1\r\n\r\n".encode())
refused("huge head", b"GET http://a/ HTTP/1.1\r\nA: " + b"a" * 1000000 + b"\r\n\r\n")
refused("huge name", b"CONNECT " + b"a" * 5000 + b":80 HTTP/1.1\r\n\r\n")
refused("bytes of all kinds", bytes(range(256)) * 20 + b"\r\n\r\n")
# What follows on an open connection goes to the named host, whatever it says.
answer = say(f"GET http://127.0.0.1:{named}/one HTTP/1.1\r\nHost: x\r\n\r\n".encode(), f"GET http://127.0.0.1:{other}/secret HTTP/1.1\r\nHost: y\r\n\r\n".encode())
print("named" if b"from the named host" in answer and b"secret" not in answer else f"ESCAPED or lost {answer[:200]}")

def reaches(what, connect):
    try:
        connect()
        print("ESCAPED", what)
    except OSError:
        pass

for port in (named, other):
    for host in ("127.0.0.1", "::1", "0.0.0.0"):
        reaches(f"{host} {port}", lambda: socket.create_connection((host, port), 5))
reaches("outside", lambda: socket.create_connection(("192.0.2.1", 80), 5))
reaches("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 5))
reaches("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\0" + abstract))

def steal(address, *options):
    s = socket.socket()
    for option in options:
        s.setsockopt(socket.SOL_SOCKET, option, 1)
    s.bind(address)
    s.listen()

reaches("the proxy's port", lambda: steal(("127.0.0.1", 3128), socket.SO_REUSEADDR, socket.SO_REUSEPORT))
reaches("the proxy's port on all addresses", lambda: steal(("0.0.0.0", 3128), socket.SO_REUSEADDR, socket.SO_REUSEPORT))
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if open(f"/proc/{pid}/comm").read().startswith("rubric-worker"):
            print("ESCAPED: the proxy is a process of the box")
    except OSError:
        pass
held = [socket.create_connection(("127.0.0.1", 3128), 5) for _ in range(14)]
for s in held:
    s.sendall(b"CONNECT 127.")
print("one of many" if say(f"CONNECT 127.0.0.1:{other} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 403") else "not served")
"""


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *args):
        pass


def serve(text):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.paths, server.text = [], text
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def box(hosts, *command):
    options = [word for host in hosts for word in ("--host", host)]
    return [RUBRIC, "box", "--accept-missing", "all", "--wall", "300s", *options, "--", *command]


def main():
    if subprocess.run(box([], "python3", "-c", ""), capture_output=True, timeout=120, check=False).returncode != 0:
        print("skipped: no box with python3 can be made here")
        return 77
    named, other = serve(b"from the named host"), serve(b"secret")
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0way-out-{os.getpid()}")
    abstract.listen()
    # Another box with a way out and a server of its own, meanwhile: this one must not find it.
    neighbour = subprocess.Popen(box([f"127.0.0.1:{named.server_port}"], "python3", "-c", "import socket, time\n"
                                     f"s = socket.create_server(('127.0.0.1', {named.server_port}))\nprint('up', flush=True)\ntime.sleep(1000)"),
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    done = subprocess.run(box([f"127.0.0.1:{named.server_port}"], "python3", "-c", ATTACK, str(named.server_port), str(other.server_port),
                              f"way-out-{os.getpid()}"), capture_output=True, text=True, timeout=400, check=False)
    neighbour.kill()
    neighbour.wait()
    neighbour.stdout.close()
    assert done.returncode == 0 and done.stdout == "named\none of many\n", (done.stdout, done.stderr[-3000:])
    assert other.paths == [] and named.paths == ["/one"], (other.paths, named.paths)
    assert "refused: not one of the check's hosts" in done.stderr and "larger than 8 KiB" in done.stderr, done.stderr[-3000:]
    print("way_out: it held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
