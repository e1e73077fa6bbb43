#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-in of GitHub keeps GitHub's rules: without this, a test against it proves little."""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import github_standin


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(hub, **claims):
    now = int(time.time())
    signed = b64(json.dumps({"alg": "RS256", "typ": "JWT"}).encode()) + "." + \
        b64(json.dumps({"iat": now - 60, "exp": now + 540, "iss": str(hub.app_id), **claims}).encode())
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", hub.key.path], input=signed.encode(), capture_output=True, check=True)
    return signed + "." + b64(done.stdout)


class Client:
    def __init__(self, hub):
        self.hub, self.token, self.headers = hub, None, {}

    def __call__(self, method, path, body=None, **headers):
        request = urllib.request.Request(self.hub.url + path, None if body is None else json.dumps(body).encode(), method=method)
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "test", **{k.replace("_", "-"): v for k, v in headers.items()}}
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            raw = answer.read()
            self.headers = answer.headers
            try:
                return answer.status, json.loads(raw) if raw else None
            except ValueError:
                return answer.status, None


def expect(claim, value, expected):
    if value != expected:
        raise SystemExit(f"FAILED: {claim}: {value!r} instead of {expected!r}")
    print(f"  {claim}")


def credentials(hub, call):
    call.token = jwt(hub, iat=int(time.time()) + 900)
    expect("a JWT from the future is refused", call("GET", "/app")[0], 401)
    call.token = jwt(hub)
    expect("a good JWT is taken", call("GET", "/app")[0], 200)
    call.token = call.token[:-9] + "AAAAAAAAA"
    expect("another signature is not", call("GET", "/app")[0], 401)
    call.token = jwt(hub)
    status, minted = call("POST", f"/app/installations/{hub.installation_id}/access_tokens", {"permissions": {"checks": "write", "metadata": "read"}})
    expect("a token is minted", status, 201)
    call.token = minted["token"]


def writes(hub, call, sha):
    run = {"name": "autograder", "head_sha": sha, "external_id": "x"}
    status, made = call("POST", "/repos/course/project-1/check-runs", run)
    expect("a check run is made", (status, made["status"]), (201, "queued"))
    path = f"/repos/course/project-1/check-runs/{made['id']}"
    note = {"path": "a.c", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    expect("51 annotations are too many", call("PATCH", path, {"output": {"summary": "s", "annotations": [note] * 51}})[0], 422)
    expect("completed needs a conclusion", call("PATCH", path, {"status": "completed"})[0], 422)
    for _ in range(2):
        status, made = call("PATCH", path, {"conclusion": "success", "output": {"summary": "s", "annotations": [note] * 50}})
    expect("annotations are appended", made["output"]["annotations_count"], 100)
    expect("a long summary is refused", call("PATCH", path, {"output": {"summary": "s" * 65536}})[0], 422)
    expect("what the token may not is 403", call("POST", f"/repos/course/project-1/statuses/{sha}", {"state": "success"})[0], 403)
    expect("and says what would do", call.headers["X-Accepted-GitHub-Permissions"], "statuses=write")
    call.token = hub.pat()
    expect("no check run by a PAT", call("POST", "/repos/course/project-1/check-runs", run)[0], 403)
    expect("141 characters are too long", call("POST", f"/repos/course/project-1/statuses/{sha}", {"state": "success", "description": "d" * 141})[0], 422)
    expect("140 are fine", call("POST", f"/repos/course/project-1/statuses/{sha}", {"state": "success", "description": "d" * 140})[0], 201)
    hub.set("project-1", has_issues=False)
    expect("issues that are off are gone", call("POST", "/repos/course/project-1/issues", {"title": "t"})[0], 410)
    hub.set("project-1", has_issues=True)


QUERY = """query Sweep($org: String!, $after: String) { organization(login: $org) {
  repositories(first: 100, after: $after, orderBy: {field: PUSHED_AT, direction: DESC}) { pageInfo { hasNextPage endCursor }
    nodes { nameWithOwner pushedAt defaultBranchRef { name target { oid } }
            refs(refPrefix: "refs/tags/", first: 20) { totalCount nodes { name target { __typename oid ... on Tag { target { oid } } } } } } } }
  rateLimit { cost remaining } }"""


def reads(hub, call, sha):
    status, out = call("POST", "/graphql", {"query": QUERY, "variables": {"org": "course"}})
    nodes = out["data"]["organization"]["repositories"]["nodes"]
    expect("the sweep sees the push first", (nodes[0]["nameWithOwner"], nodes[0]["defaultBranchRef"]["target"]["oid"]), ("course/project-1", sha))
    expect("and its annotated tag", nodes[0]["refs"]["nodes"][0]["target"]["target"]["oid"], sha)
    expect("for one point", out["data"]["rateLimit"]["cost"], 1)
    _, out = call("POST", "/graphql", {"query": "{ organization(login: \"course\") { nonsense } }"})
    expect("a wrong field is an error with status 200", "nonsense" in out["errors"][0]["message"], True)
    call("GET", "/orgs/course/repos?sort=pushed&per_page=2")
    used = call.headers["X-RateLimit-Used"]
    expect("pages are linked", 'rel="next"' in call.headers["Link"], True)
    status, _ = call("GET", "/orgs/course/repos?sort=pushed&per_page=2", If_None_Match=call.headers["ETag"])
    expect("304 costs nothing", (status, call.headers["X-RateLimit-Used"]), (304, used))
    expect("an unknown repository is 404", call("GET", "/repos/course/none")[0], 404)
    hub.rename("project-2", "project-two")
    expect("a renamed one is found (urllib follows 301)", call("GET", "/repos/course/project-2")[1]["name"], "project-two")
    expect("an unknown version is 400", call("GET", "/rate_limit", X_GitHub_Api_Version="1999-01-01")[0], 400)


def limits(hub, call, sha):
    hub.limits.recent.clear()
    path = f"/repos/course/project-1/statuses/{sha}"
    answers = [call("POST", path, {"state": "success"})[0] for _ in range(81)]
    expect("80 writes a minute, no more", (answers[79], answers[80]), (201, 403))
    expect("with Retry-After", call.headers["Retry-After"], "60")
    hub.limits.recent.clear()
    hub.limits.core = 0
    expect("the primary limit", call("GET", "/repos/course/project-1")[0], 403)
    expect("says that nothing is left", call.headers["X-RateLimit-Remaining"], "0")
    hub.limits.core = 5000


def faults(hub, call, sha):
    path = f"/repos/course/project-1/statuses/{sha}"
    n_before = len(hub.repos["project-1"].statuses)
    hub.fault(502, "POST", when="before")
    hub.fault(502, "POST", when="after")
    expect("a fault before has no effect", (call("POST", path, {"state": "success"})[0], len(hub.repos["project-1"].statuses)), (502, n_before))
    expect("one after has", (call("POST", path, {"state": "success"})[0], len(hub.repos["project-1"].statuses)), (502, n_before + 1))
    for kind in ("truncated", "wrong_type"):
        hub.fault(kind, "GET")
        expect(f"{kind} is no JSON", call("GET", "/rate_limit"), (200, None))
    hub.fault("reset", "GET")
    try:
        call("GET", "/rate_limit")
        raise SystemExit("FAILED: a reset connection answered")
    except OSError:
        print("  a reset is a reset")


def main():
    with tempfile.TemporaryDirectory() as folder:
        hub = github_standin.Github(folder)
        for i in range(1, 4):
            hub.repository(f"project-{i}")
        sha = hub.push("project-1")
        hub.push("project-1", "refs/tags/submit/m1", sha, annotated=True)
        call = Client(hub)
        credentials(hub, call)
        writes(hub, call, sha)
        reads(hub, call, sha)
        limits(hub, call, sha)
        faults(hub, call, sha)
        hub.close()
    print("the stand-in keeps the rules")


if __name__ == "__main__":
    main()
