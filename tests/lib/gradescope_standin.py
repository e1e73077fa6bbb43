# SPDX-License-Identifier: Apache-2.0
"""Gradescope's web pages on 127.0.0.1, as far as the web session uses them: stateful, with sessions, tokens that expire, exports
that are made in the background, and files that are signed for another host. Written after the documented shapes, for tests only."""

import html
import http.server
import io
import json
import secrets
import threading
import time
import urllib.parse
import zipfile

COURSE = "5"


class Gradescope:
    def __init__(self, email="staff@example.edu", password="correct horse & battery=staple"):
        self.email, self.password = email, password
        self.lock = threading.Lock()
        self.sessions = {}  # cookie -> csrf token
        self.login_tokens = set()
        self.members = []  # (name, email, sid, role)
        self.assignments = {}  # number -> title
        self.submissions = {}  # assignment number -> {submission number: (created_at, [email], {name: bytes})}
        self.extensions = {}  # assignment number -> [(user index, due date)]
        self.exports = {}  # file number -> [assignment number, polls that are still to be waited, misses, signature]
        self.reruns = []
        self.requests = []  # (method, path, headers)
        self.n_now = self.n_most = 0
        self.polls, self.misses = 1, 0  # of the next exports
        self.faults = {}  # (method, path prefix) -> [handler...] used up one by one
        self.cut_zip = False
        self.export_names = None  # the assignment's number that the next exports name; None: the right one
        self.site = _serve(self, _Pages)
        self.files = _serve(self, _Files)
        self.url = f"http://127.0.0.1:{self.site.server_port}"

    def fail(self, method, prefix, *answers):
        """The next requests of this kind are answered with (status, headers, body) instead, or as usual by None."""
        self.faults.setdefault((method, prefix), []).extend(answers)

    def n_asked(self, method, part):
        return sum(1 for asked in self.requests if asked[0] == method and part in asked[1])

    def export_zip(self, number):
        """What Gradescope makes: symbol keys, one folder a submission."""
        lines, file, top = [], io.BytesIO(), f"assignment_{self.export_names or number}_export"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for submission, (created, emails, content) in self.submissions[number].items():
                lines.append(f"submission_{submission}:\n  :submitters:")
                for email in emails:
                    name, _, sid, _ = next(m for m in self.members if m[1] == email)
                    lines.append(f"  - :name: {name}\n    :sid: '{sid}'\n    :email: {email}")
                lines.append(f"  :created_at: {created}\n  :score: 0.0\n  :status: processed\n  :history: []")
                for name, data in content.items():
                    archive.writestr(f"{top}/submission_{submission}/{name}", data)
            archive.writestr(f"{top}/submission_metadata.yml", "---\n" + "\n".join(lines) + "\n")
        data = file.getvalue()
        return data[:len(data) // 2] if self.cut_zip else data


def _serve(state, handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.state = state
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", kind="text/html; charset=utf-8", **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, method):
        state = self.server.state
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        with state.lock:
            state.n_now += 1
            state.n_most = max(state.n_most, state.n_now)
            state.requests.append((method, self.path, dict(self.headers)))
        try:
            time.sleep(0.01)  # long enough for a second one to be seen beside it
            with state.lock:
                fault = next((faults.pop(0) for (m, prefix), faults in state.faults.items()
                              if m == method and self.path.startswith(prefix) and faults), None)
            if fault:
                self.answer(fault[0], fault[2], **fault[1])
            else:
                self.route(method)
        finally:
            with state.lock:
                state.n_now -= 1

    def do_GET(self):
        self.serve("GET")

    def do_POST(self):
        self.serve("POST")


def react(name, props):
    return f'<div data-react-class="{name}" data-react-props="{html.escape(json.dumps(props))}"></div>'


class _Pages(_Handler):
    def session(self):
        cookies = dict(part.strip().partition("=")[::2] for part in (self.headers.get("Cookie") or "").split(";"))
        return cookies.get("_gradescope_session")

    def route(self, method):
        state = self.server.state
        if self.path == "/login":
            self.login(method)
            return
        session = self.session()
        if session not in state.sessions:
            self.answer(302, Location=f"{state.url}/login")
            return
        csrf = state.sessions[session]
        if method == "POST" and self.headers.get("X-CSRF-Token") != csrf:
            self.answer(422, "The change you wanted was rejected.")
            return
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] != ["courses", COURSE]:
            self.answer(401, '{"error":"You are not authorized to access this page."}', "application/json")
            return
        self.course(method, parts[2:], csrf)

    def login(self, method):
        state = self.server.state
        if method == "GET":
            token = secrets.token_urlsafe(20) + "=="
            state.login_tokens.add(token)
            self.answer(200, f'<html><head><title>Log In | <b> Gradescope</title><script>if (a < b) {{ x = "<form action=\\"/login\\">"; }}</script>'
                             '</head><body><!-- <form action="/login"> --><form action="/search"><input name="authenticity_token" value="not it">'
                             f'</form><form class=\'x\' action="/login" method=post><input type="hidden" name="authenticity_token" value="{token}" />'
                             '<input name="session[email]"></form></body></html>', Set_Cookie="_gradescope_session=anonymous; path=/; HttpOnly")
            return
        form = dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))
        is_known = form.get("authenticity_token") in state.login_tokens and self.session() == "anonymous"
        if not is_known:
            self.answer(422, "The change you wanted was rejected.")
        elif (form.get("session[email]"), form.get("session[password]")) == (state.email, state.password):
            cookie = secrets.token_hex(16)
            state.sessions[cookie] = secrets.token_urlsafe(20)
            self.answer(302, Location=f"{state.url}/account", Set_Cookie=f"_gradescope_session={cookie}; path=/; HttpOnly")
        else:
            self.answer(200, "<span>Invalid email/password combination.</span>")

    def course(self, method, parts, csrf):
        state = self.server.state
        head = f'<html><head><meta name="csrf-param" content="authenticity_token" /><meta name="csrf-token" content="{csrf}" /></head>'
        if parts == ["assignments"]:
            rows = [{"id": "container_1", "type": "container", "title": "Folder"}]
            rows += [{"id": f"assignment_{n}", "type": "assignment", "title": title, "url": f"/courses/{COURSE}/assignments/{n}",
                      "total_points": "10.0"} for n, title in state.assignments.items()]
            self.answer(200, head + react("AssignmentsTable", {"table_data": rows}))
        elif parts == ["memberships"]:
            rows = "".join(f'<tr class="rosterRow"><td><button class="button rosterCell--editIcon" data-email="{html.escape(email)}" '
                           f'data-role="{role}" data-cm="{html.escape(json.dumps({"full_name": name, "sid": sid}))}"></button></td></tr>'
                           for name, email, sid, role in state.members)
            self.answer(200, head + f"<table>{rows}</table>")
        elif parts[0] == "generated_files":
            self.file_state(int(parts[1].removesuffix(".json")))
        elif parts[0] == "assignments" and parts[1] in state.assignments:
            self.assignment(method, parts[1], parts[2:], head)
        else:
            self.answer(404, "not found")

    def assignment(self, method, number, parts, head):
        state = self.server.state
        if (method, parts) == ("GET", ["extensions"]):
            students = [{"id": i, "email": member[1]} for i, member in enumerate(state.members)]
            rows = "".join("<tr>" + react("EditExtension", {"override": {"user_id": user, "settings": {
                "due_date": {"type": "absolute", "value": due}}}, "timezone": {"identifier": "America/New_York"},
                "studentName": state.members[user][0], "deletePath": "/x"}) + "</tr>" for user, due in state.extensions.get(number, []))
            self.answer(200, head + react("AddExtension", {"students": students, "assignment": {}}) + f"<table>{rows}</table>")
        elif (method, parts) == ("POST", ["export"]):
            file = len(state.exports) + 1
            state.exports[file] = [number, state.polls, state.misses, secrets.token_hex(16)]
            self.answer(200, json.dumps({"generated_file_id": file}), "application/json")
        elif method == "POST" and parts[:1] == ["submissions"] and parts[2:] == ["regrade"]:
            state.reruns.append((number, parts[1]))
            self.answer(200, "{}", "application/json")
        else:
            self.answer(404, "not found")

    def file_state(self, file):
        state = self.server.state
        export = state.exports[file]
        is_ready = export[1] <= 0
        export[1] -= 1
        self.answer(200, json.dumps({"id": file, "progress": 1.0 if is_ready else 0.4, "status": "completed" if is_ready else "processing",
                                     "url": f"http://localhost:{state.files.server_port}/{file}?X-Amz-Signature={export[3]}",
                                     "expires_at": "2030-01-01T00:00:00Z"}), "application/json")


class _Files(_Handler):
    def route(self, method):
        state = self.server.state
        path, _, query = self.path.partition("?")
        export = state.exports[int(path.strip("/"))]
        if query != f"X-Amz-Signature={export[3]}" or method != "GET":
            self.answer(403, "signature")
        elif export[2] > 0:
            export[2] -= 1
            self.answer(404, "not yet")
        else:
            self.answer(200, state.export_zip(export[0]), "application/zip")
