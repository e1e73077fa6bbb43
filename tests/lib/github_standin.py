#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GitHub on 127.0.0.1, for tests: keeps state (repositories, refs, check runs, statuses, issues, comments), GitHub's rules
(credentials, permissions, primary and secondary limits, ETags of each token, sizes) and breaks where it is told to.

In a Python test: `hub = Github(folder)`, then `hub.push("project-1", "refs/heads/main")`, `hub.fault(...)`, `hub.repos[...]`.
As a child: `github_standin.py --folder DIR --port-file FILE`; it ends when its stdin does. Every method of Github is then a POST of
/_admin/NAME with its arguments as a JSON object. /_admin/log has every request so far.

With `git=True` each repository is a bare one in <folder>/git, which lighttpd and git http-backend can serve."""

import argparse
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

import github_git
import github_shapes as shapes
from github_limits import AppKey, Credential, Limits, Refused
from github_repo import Repo
from github_routes import Answer, find
import github_writes  # noqa: F401, it adds its routes

GOOD_VERSIONS = ("2022-11-28", "2026-03-10")
PERMISSIONS = {"metadata": "read", "contents": "write", "checks": "write", "statuses": "write", "issues": "write", "pull_requests": "write",
               "members": "read"}


class Github:
    """The state and all that a test may do to it."""

    def __init__(self, folder, organization="course", git=False, git_url=None, enterprise=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.organization, self.is_git = organization, git
        self.skew, self.token_lifetime, self.retired_versions = 0, 3600, set()
        self.started = self.now()
        self.lock = threading.RLock()
        self.app_id, self.installation_id, self.permissions = 7, 4242, dict(PERMISSIONS)
        self.key = AppKey(self.folder / "app.pem")
        self.credentials, self.repos, self.renamed, self.teams = {}, {}, {}, {}
        self.n_minted, self.last_id = 0, 5000
        self.limits = Limits(self.now)
        self.faults, self.chaos = [], None
        self.log, self.seen_elsewhere = [], []
        self.hook, self.deliveries = None, []
        self.git_http = None  # a GitHttp that is told of credentials
        self.server = _Server(self)
        self.host = f"http://127.0.0.1:{self.server.server_port}"
        self.is_enterprise = enterprise  # an Enterprise Server has all on one host: REST and GraphQL below /api, git beside them
        self.url = self.host + ("/api/v3" if enterprise else "")
        self.other_host = f"http://localhost:{self.server.server_port}"
        self.git_url = git_url or "https://github.test"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def now(self):
        """GitHub's clock, which may differ from ours."""
        return time.time() + self.skew

    def next_id(self):
        self.last_id += 1
        return self.last_id

    # ---- making a world

    def pat(self, login="teacher", permissions=None):
        """A personal access token; checks are for Apps only, whatever is asked."""
        token = "github_pat_" + hashlib.sha256(os.urandom(16)).hexdigest()
        given = {name: level for name, level in (permissions or PERMISSIONS).items() if name != "checks"}
        self.credentials[token] = Credential("pat", token, {**given, "checks": "read"}, None, None, login)
        self.tell_git()
        return token

    def repository(self, name, **more):
        with self.lock:
            repo = self.repos[name] = Repo(self, 10000 + len(self.repos), name, **more)
            if self.is_git:
                repo.make()
            return {"id": repo.id, "full_name": repo.full_name}

    def reset(self):
        """No repository, nothing asked, no limit used: as at the start, with the same key."""
        with self.lock:
            self.repos, self.renamed, self.teams = {}, {}, {}
            self.faults, self.chaos, self.skew = [], None, 0
            self.permissions, self.token_lifetime, self.retired_versions = dict(PERMISSIONS), 3600, set()
            self.hook, self.deliveries = None, []
            self.limits = Limits(self.now)
            self.log.clear()
            shutil.rmtree(self.folder / "git", ignore_errors=True)

    def many(self, prefix, n, **more):
        """`n` repositories without anything in git."""
        for i in range(n):
            self.repos[f"{prefix}-{i}"] = Repo(self, 10000 + len(self.repos), f"{prefix}-{i}", **more)

    def set(self, repository, **more):
        """archived, disabled, has_issues, ..."""
        self.repos[repository].__dict__.update(more)
        if more.get("archived"):
            (self.folder / "git-archived").mkdir(exist_ok=True)
            (self.folder / "git-archived" / repository).touch()

    def set_limits(self, **more):
        self.limits.__dict__.update(more)

    def set_clock(self, skew):
        self.skew = skew

    def set_lifetime(self, seconds):
        self.token_lifetime = seconds

    def set_permissions(self, **more):
        self.permissions.update(more)

    def retire(self, version):
        self.retired_versions.add(version)

    def unretire(self):
        self.retired_versions.clear()

    def expire_tokens(self):
        """All installation tokens stop to work, as when a permission is changed."""
        with self.lock:
            for one in self.credentials.values():
                one.revoked = one.revoked or one.kind == "installation"
            self.tell_git()

    def tell_git(self):
        """Who serves git takes the same credentials."""
        if self.git_http:
            good = {token: one for token, one in self.credentials.items() if not one.revoked}
            self.git_http.admit([token for token, one in good.items() if one.may("contents", "read")],
                                {token for token, one in good.items() if one.may("contents", "write")})

    def rename(self, name, new_name):
        with self.lock:
            repo = self.repos.pop(name)
            if self.is_git:
                repo.path.rename(repo.path.with_name(f"{new_name}.git"))
            repo.name = new_name
            self.repos[new_name] = repo
            self.renamed[name] = repo

    def team(self, slug, members=(), repos=(), reads=()):
        """`repos`: names of what it may write to; `reads`: of what it may only read."""
        self.teams[slug] = {"members": list(members), "repos": list(repos), "reads": list(reads)}

    def repos_of_team(self, slug, credential):
        names = self.teams[slug]["repos"] + self.teams[slug]["reads"]
        return [repo for repo in self.visible(credential) if repo.name in names]

    def delete(self, name):
        with self.lock:
            del self.repos[name]

    def commit(self, repository, ref, files, date=None, author="A student <student@example.edu>", submodules=()):
        """Only with git: a commit of `files` (name -> text) on top of `ref`; the ref itself moves by push()."""
        repo = self.repos[repository]
        date = int(date if date is not None else self.now())
        out = [f"commit {ref}\nmark :1\ncommitter {author} {date} +0000\ndata 4\nWork\n"]
        if ref in repo.refs:
            out.append(f"from {repo.refs[ref]}\n")
        for name, text in files.items():
            out.append(f"M 100644 inline {name}\ndata {len(text.encode())}\n{text}\n")
        out += [f"M 160000 {'1' * 40} {name}\n" for name in submodules]
        before = repo.refs.get(ref)
        out.append("get-mark :1\n")
        sha = repo.git("fast-import", "--quiet", "--force", input="".join(out).encode())
        if before:
            repo.point(ref, before)
        return sha

    def push(self, repository, ref="refs/heads/main", sha=None, files=None, actor="student", forced=False, at=None, date=None, annotated=False,
             **commit):
        """Points `ref` at `sha` (a new commit when absent; with git: of `files`); "" deletes it. Returns the sha."""
        with self.lock:
            repo = self.repos[repository]
            before = repo.refs.get(ref, shapes.NO_SHA)
            at = self.now() if at is None else at
            if sha is None and files is not None:
                if forced:
                    repo.refs.pop(ref, None)
                sha = self.commit(repository, ref, files, date, **commit)
            if sha is None:
                sha = hashlib.sha1(os.urandom(16)).hexdigest()
            if sha == "":
                repo.refs.pop(ref, None)
                if self.is_git:
                    repo.git("update-ref", "-d", ref)
                sha, kind = shapes.NO_SHA, "branch_deletion"
            else:
                if sha not in repo.commits:
                    repo.commits[sha] = at if date is None else date
                    repo.parents[sha] = None if forced or before == shapes.NO_SHA else before
                target = sha
                if annotated:
                    sha = repo.git("mktag", input=f"object {target}\ntype commit\ntag {ref[10:]}\ntagger A <a@b> 1 +0000\n\nhand in\n".encode()) \
                        if self.is_git else hashlib.sha1(ref.encode() + target.encode()).hexdigest()
                    repo.tags[sha] = {"tag": ref.removeprefix("refs/tags/"), "commit": target, "at": at}
                repo.refs[ref] = sha
                if self.is_git:
                    repo.point(ref, sha)
                kind = "force_push" if forced else "branch_creation" if before == shapes.NO_SHA else "push"
            repo.pushed_at = at
            one = {"id": self.next_id(), "before": before, "after": sha, "ref": ref, "at": at, "type": kind, "actor": actor}
            if ref.startswith("refs/heads/"):
                repo.activity.append(one)
            if self.hook:
                self.send_delivery("push", shapes.push_event(self, repo, one))
            return sha

    def pull_request(self, repository, head, base="main", user="student", draft=False, sha=None):
        """A pull request, which is an issue too; its number. With a `sha`: of a fork, whose branch is called `head`."""
        with self.lock:
            repo = self.repos[repository]
            one = repo.new_issue(f"Hand in {head}", None, user, pull=True)
            pull = {**one, "head": head, "base": base, "sha": sha or repo.commit_of("refs/heads/" + head), "draft": draft, "fork": bool(sha)}
            repo.commits.setdefault(pull["sha"], self.now())
            if self.is_git:
                repo.git("update-ref", f"refs/pull/{one['number']}/head", pull["sha"])
            repo.pulls.append(pull)
            return one["number"]

    def comment(self, repository, number, body, user="student"):
        with self.lock:
            now = self.now()
            self.repos[repository].comments.append({"id": self.next_id(), "issue": number, "body": body, "user": user, "created": now, "updated": now})

    def release(self, repository, tag, draft=False, prerelease=False, user="student", at=None):
        repo = self.repos[repository]
        at = self.now() if at is None else at
        repo.releases.append({"id": self.next_id(), "tag": tag, "target": repo.default_branch, "draft": draft, "prerelease": prerelease,
                              "created": at, "published": None if draft else at, "user": user})

    def set_hook(self, url, secret):
        self.hook = {"url": url, "secret": secret}

    def send_delivery(self, event, payload, guid=None):
        """Sends to the webhook and remembers how it went; GitHub never tries again by itself."""
        body = json.dumps(payload).encode()
        guid_is_new, guid = guid is None, guid or str(uuid.uuid4())
        request = urllib.request.Request(self.hook["url"], body, {
            "Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": guid, "User-Agent": "GitHub-Hookshot/test",
            "X-Hub-Signature-256": "sha256=" + hmac.new(self.hook["secret"].encode(), body, "sha256").hexdigest()})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                code = answer.status
        except OSError as problem:
            code = getattr(problem, "code", 0) or 0
        self.deliveries.append({
            "id": self.next_id(), "guid": guid, "delivered_at": shapes.iso(self.now()), "redelivery": not guid_is_new, "duration": 0.1,
            "status": "OK" if 200 <= code < 300 else "failed", "status_code": code, "event": event, "action": payload.get("action"),
            "installation_id": self.installation_id, "repository_id": payload.get("repository", {}).get("id"), "throttled_at": None,
            "payload": payload})
        return code

    # ---- breaking it

    def fault(self, kind, method=None, path=None, when="before", times=1, **more):
        """The next `times` requests that match break. kind: a status, or "reset", "hang" (seconds=), "truncated", "wrong_type",
        "redirect", "primary", "secondary"; when "after": once the effect is made."""
        self.faults.append({"kind": kind, "method": method, "path": path, "when": when, "times": times, **more})

    def set_chaos(self, seed, rate, kinds, methods=("GET", "POST", "PATCH")):
        """Each request breaks with probability `rate`, before or after its effect; rate 0 ends it."""
        self.chaos = {"random": random.Random(seed), "rate": rate, "kinds": kinds, "methods": methods} if rate else None

    def pick_fault(self, method, path):
        with self.lock:
            for one in self.faults:
                if one["times"] > 0 and one["method"] in (None, method) and (not one["path"] or re.search(one["path"], path)):
                    one["times"] -= 1
                    return one
            chaos = self.chaos
            if chaos and method in chaos["methods"] and chaos["random"].random() < chaos["rate"]:
                return {"kind": chaos["random"].choice(chaos["kinds"]), "when": chaos["random"].choice(("before", "after"))}
        return None

    # ---- looking

    def find_repo(self, owner, name, credential):
        repo = self.repos.get(name) if owner.lower() == self.organization.lower() else None
        return repo if repo and (credential.repositories is None or repo.id in credential.repositories) else None

    def visible(self, credential):
        return [repo for repo in self.repos.values() if credential.repositories is None or repo.id in credential.repositories]

    def login_of(self, credential):
        return credential.owner if credential.kind == "pat" else "autograder[bot]"

    def written(self, repository):
        """What was written to a repository."""
        repo = self.repos[repository]
        return {"check_runs": repo.check_runs, "statuses": repo.statuses, "comments": repo.comments, "issues": repo.issues}

    def requests(self, method=None, path=None):
        return [one for one in self.log if method in (None, one["method"]) and (not path or re.search(path, one["path"]))]

    def forget(self):
        """Empties the log and ends all faults."""
        self.log.clear()
        self.faults.clear()

    def figures(self):
        return {"requests": len(self.log), "minted": self.n_minted, "refusals": dict(self.limits.refusals),
                "used": {f"{owner} {resource}": window[0] for (owner, resource), window in self.limits.windows.items()},
                "most_running": self.limits.most_running, "elsewhere": self.seen_elsewhere}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- one request

    def credential_of(self, request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            raise Refused(401, "Requires authentication")
        if scheme not in ("Bearer", "token"):
            raise Refused(401, "Bad credentials")
        if token.count(".") == 2 and not token.startswith("gh"):
            claims = self.key.claims(token, self.now())
            if str(claims.get("iss")) != str(self.app_id):
                raise Refused(401, "'Issuer' claim ('iss') must be an Integer")
            return Credential("app", token, {}, None, None, f"app {self.app_id}")
        known = self.credentials.get(token)
        if not known or known.revoked or (known.expires and known.expires <= self.now()):
            raise Refused(401, "Bad credentials")
        return known

    def check_headers(self, request):
        if not request.headers.get("User-Agent"):
            raise Refused(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
        version = request.headers.get("X-GitHub-Api-Version")
        if version in self.retired_versions:
            raise Refused(410, f"The API version {version} is no longer supported.")
        if version not in (None, *GOOD_VERSIONS):
            raise Refused(400, f'"{version}" is not a supported version.')
        if request.body is Ellipsis:
            raise Refused(400, "Problems parsing JSON")
        if request.body is not None and not isinstance(request.body, dict):
            raise Refused(400, "Body should be a JSON object")

    def serve(self, request):
        """Answer to one request, limits and permissions included."""
        self.check_headers(request)
        request.credential = credential = self.credential_of(request)
        (_, _, function, permission, level, content), parameters = find(request.method, request.path)
        resource = request.resource = "graphql" if request.path == "/graphql" else "core"
        points = 1 if request.method in ("GET", "HEAD") or resource == "graphql" else 5
        self.limits.admit(credential.owner, resource, points, content)
        with self.lock:
            github_git.absorb(self)
            if "repo" in parameters and "installation" not in request.path:
                repo = self.find_repo(parameters.pop("owner"), parameters["repo"], credential)
                if not repo and parameters["repo"] in self.renamed:
                    moved = self.renamed[parameters["repo"]]
                    tail = request.path.split("/", 4)[4:]
                    return Answer({"message": "Moved Permanently", "url": f"{self.url}/repositories/{moved.id}",
                                   "documentation_url": "https://docs.github.com/rest"}, 301,
                                  {"Location": "/".join([f"{self.url}/repositories/{moved.id}", *tail])})
                if not repo:
                    raise Refused(404, "Not Found")
                parameters["repo"] = repo
            if permission and not credential.may(permission, level):
                who = "integration" if credential.kind == "installation" else "personal access token"
                words = "You must authenticate via a GitHub App." if permission == "checks" and credential.kind == "pat" else \
                    f"Resource not accessible by {who}"
                raise Refused(403, words, {"X-Accepted-GitHub-Permissions": f"{permission}={level}"})
            answer = function(self, request, **parameters)
        answer = answer if isinstance(answer, Answer) else Answer(answer)
        if request.method == "GET" and answer.status == 200 and answer.raw is None:
            tag = 'W/"' + hashlib.sha256(credential.token.encode() + json.dumps(answer.body).encode()).hexdigest() + '"'
            if request.headers.get("If-None-Match") == tag:
                return Answer(None, 304, {"ETag": tag})
            answer.headers["ETag"] = tag
        if resource == "core" and request.path != "/rate_limit":
            self.limits.spend(credential.owner, resource, 1)
        return answer


class Request:
    credential = None
    resource = "core"

    def __init__(self, handler, raw):
        split = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.headers, self.target = handler.command, split.path, handler.headers, handler.path
        self.query = dict(urllib.parse.parse_qsl(split.query))
        try:
            self.body = json.loads(raw) if raw else None
        except ValueError:
            self.body = Ellipsis


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def handle_any(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hub, request = self.server.hub, Request(self, raw)
        if request.path.startswith("/_admin/"):
            return self.admin(hub, request)
        if request.path.startswith(("/_codeload/", "/_elsewhere")):
            hub.seen_elsewhere.append({"path": request.path, "authorization": bool(self.headers.get("Authorization"))})
            return self.send(200, {"Content-Type": "application/gzip"}, github_git.archive(hub, request.path))
        if hub.is_enterprise:
            if github_git.is_of_git(hub, request.path):
                return self.send(*hub.git_http.forward(request, raw))
            request.path = github_git.below_api(request.path)
        match = re.fullmatch(r"/repositories/(\d+)(.*)", request.path)
        for repo in hub.repos.values() if match else ():
            if str(repo.id) == match[1]:
                request.path = f"/repos/{repo.full_name}{match[2]}"
        fault = hub.pick_fault(request.method, request.path)
        with hub.limits.lock:
            hub.limits.n_running += 1
            hub.limits.most_running = max(hub.limits.most_running, hub.limits.n_running)
        try:
            self.answer(hub, request, fault)
        finally:
            with hub.limits.lock:
                hub.limits.n_running -= 1

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

    def answer(self, hub, request, fault):
        entry = {"at": time.time(), "method": request.method, "path": request.path, "query": request.query,
                 "body": request.body if request.body is not Ellipsis else "not JSON", "fault": fault and f"{fault['kind']} {fault['when']}"}
        if fault and fault["when"] == "before":
            hub.log.append({**entry, "status": None, "answer": None})
            return self.break_off(hub, request, fault, None)
        try:
            answer = hub.serve(request)
        except Refused as refused:
            answer = Answer(refused.body, refused.status, dict(refused.headers))
            if refused.body.pop("graphql", None):
                answer.body = {"errors": [{"type": "RATE_LIMITED", "message": refused.body["message"]}]}
        entry["kind"] = request.credential.kind if request.credential else None
        hub.log.append({**entry, "status": answer.status, "answer": answer.body})
        if fault:
            return self.break_off(hub, request, fault, answer)
        return self.send_answer(hub, request, answer)

    def send_answer(self, hub, request, answer):
        headers = {"X-GitHub-Request-Id": uuid.uuid4().hex, **answer.headers}
        if request.credential:
            headers.update(hub.limits.headers(request.credential.owner, request.resource))
        body = answer.raw if answer.raw is not None else b"" if answer.body is None else json.dumps(answer.body).encode()
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        self.send(answer.status, headers, body)

    def break_off(self, hub, request, fault, answer):
        kind = fault["kind"]
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif kind == "hang":
            self.connection.settimeout(fault.get("seconds", 60))
            try:
                self.connection.recv(1)  # until the client goes, or the time is over
            except OSError:
                pass
            self.close_connection = True
        elif kind == "truncated":
            body = json.dumps(answer.body if answer else {"message": "cut off here"}).encode()
            self.send(answer.status if answer else 200, {"Content-Type": "application/json; charset=utf-8"}, body[:len(body) // 2])
        elif kind == "wrong_type":
            self.send(200, {"Content-Type": "text/html"}, b"<html><body>A captive portal says hello.</body></html>")
        elif kind == "redirect":
            self.send(fault.get("status", 307), {"Location": f"{hub.other_host}/_elsewhere{request.path}"}, b"")
        elif kind == "primary":
            self.send(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "5000", "X-RateLimit-Used": "5000", "X-RateLimit-Resource": "core",
                            "X-RateLimit-Reset": str(int(hub.now()) + fault.get("seconds", 2)), "Content-Type": "application/json"},
                      b'{"message":"API rate limit exceeded for installation."}')
        elif kind == "secondary":
            headers = {"Content-Type": "application/json"}
            if fault.get("seconds") is not None:
                headers["Retry-After"] = str(fault["seconds"])
            self.send(fault.get("status", 403), headers, b'{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}')
        else:
            body = {"message": fault.get("message", "fault of the test"), "documentation_url": "https://docs.github.com/rest", "status": str(kind)}
            self.send(kind, {"Content-Type": "application/json; charset=utf-8", **fault.get("headers", {})}, json.dumps(body).encode())

    def admin(self, hub, request):
        name = request.path.removeprefix("/_admin/")
        if name == "log":
            return self.send(200, {"Content-Type": "application/json"}, json.dumps(hub.log).encode())
        try:
            out, status = getattr(hub, name)(**(request.body or {})), 200
        except Exception as problem:  # the test's own mistake: shown to it
            out, status = {"message": repr(problem)}, 500
        return self.send(status, {"Content-Type": "application/json"}, json.dumps(out).encode())

    def send(self, status, headers, body):
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 304:
                self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client went away

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.server.hub.now() if timestamp is None else timestamp)

    def log_message(self, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, hub):
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request, client_address):
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):  # a client that we cut off, or that was killed, is no news here
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--git", action="store_true")
    options = parser.parse_args()
    hub = Github(options.folder, git=options.git)
    temporary = options.port_file + ".new"
    pathlib.Path(temporary).write_text(f"{hub.server.server_port}\n")
    os.rename(temporary, options.port_file)
    sys.stdin.read()


if __name__ == "__main__":
    main()
