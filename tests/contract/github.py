#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GitHub's own description (npm @octokit/openapi) against what we send and what the stand-in answers; bad variants of each body are
refused, so that a good one proves something. Real webhook payloads (@octokit/webhooks-examples), signed, against the role web."""

import copy
import hashlib
import hmac
import json
import pathlib
import re
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
PACKAGES = pathlib.Path(__file__).parent / "node_modules/@octokit"
try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)
if not (PACKAGES / "openapi").is_dir():
    print("skipped: no npm packages here; `./dev test` installs them where npm is reachable")
    sys.exit(77)
from github_posts import hasten, make_world, outbox
from rubricd_testing import free_port, wait_until

# What rubricd asks of GitHub as it posts.
OPERATIONS = [
    ("get", "/app/installations"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
    ("post", "/repos/{owner}/{repo}/check-runs"),
    ("patch", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/statuses"),
    ("post", "/repos/{owner}/{repo}/statuses/{sha}"),
    ("get", "/repos/{owner}/{repo}/issues"),
    ("post", "/repos/{owner}/{repo}/issues"),
    ("patch", "/repos/{owner}/{repo}/issues/{issue_number}"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
    ("delete", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
]


class Description:
    """Cut to our `operations`; OpenAPI's `nullable` put as JSON Schema has it."""

    def __init__(self, operations):
        self.whole = json.loads((PACKAGES / "openapi/generated/api.github.com.json").read_text())
        self.known = {}  # name of a schema -> as JSON Schema
        self.operations = {(method, path): self.whole["paths"][path][method] for method, path in operations}

    def convert(self, node):
        if isinstance(node, list):
            return [self.convert(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in self.known:
                self.known[name] = None  # a schema may hold itself
                self.known[name] = self.convert(self.whole["components"]["schemas"][name])
            return {"$ref": f"#/definitions/{name}"}
        if isinstance(node.get("allOf"), list) and [one.get("title") for one in node["allOf"]] == ["Simple User", "Enterprise"]:
            node = {**node, "anyOf": node["allOf"]}  # GitHub's own slip: no account is a user and an enterprise at once
            del node["allOf"]
        out = {key: self.convert(value) for key, value in node.items() if key not in ("nullable", "example", "examples", "default")}
        return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out

    def resolve(self, node):
        while "$ref" in node:
            target = self.whole
            for step in node["$ref"].split("/")[1:]:
                target = target[step]
            node = target
        return node

    def problems(self, schema, value):
        converted = self.convert(schema)
        validator = jsonschema.Draft7Validator({"definitions": self.known, "allOf": [converted]})
        return [f"{'/'.join(map(str, one.absolute_path)) or 'the whole'}: {one.message[:120]}" + "".join(f"; {two.message[:80]}" for two in one.context)
                for one in validator.iter_errors(value)]

    def find(self, method, path):
        for (known_method, template), operation in self.operations.items():
            pattern = re.sub(r"\\{(\w+)\\}", r"[^/]+", re.escape(template))
            if known_method == method.lower() and re.fullmatch(pattern, path):
                return (known_method, template), operation
        return None, None

    def body_schema(self, operation):
        return operation["requestBody"]["content"]["application/json"]["schema"]

    def answer_schema(self, operation, status):
        answer = self.resolve(operation["responses"].get(str(status), {}))
        return answer.get("content", {}).get("application/json", {}).get("schema")


def judge_request(description, operation, entry):
    names = {one["name"] for one in map(description.resolve, operation.get("parameters", [])) if one["in"] == "query"}
    wrong = [f"no query parameter {name}" for name in entry["query"] if name not in names]
    if entry["body"] is not None:
        wrong += description.problems(description.body_schema(operation), entry["body"])
    elif description.resolve(operation.get("requestBody", {})).get("required"):
        wrong.append("no body")
    return wrong


def variants(body, schema):
    """Bodies that GitHub would refuse: each required member left out, each known one of another kind, each choice beside the list."""
    for name in schema.get("required", []):
        yield f"without {name}", {key: value for key, value in body.items() if key != name}
    for name, about in schema.get("properties", {}).items():
        if name not in body:
            continue
        yield f"{name} is a list in a list", {**body, name: [[1]]}
        if "enum" in about:
            yield f"{name} is unheard of", {**body, name: "unheard of"}


def check_annotations(description, operation, body):
    """A body with annotations is fine; with one that lacks its path it is not."""
    note = {"path": "a.c", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m", "title": "t"}
    good = copy.deepcopy(body)
    good["output"]["annotations"] = [note]
    schema = description.body_schema(operation)
    bad = copy.deepcopy(good)
    del bad["output"]["annotations"][0]["path"]
    return description.problems(schema, good) + ([] if description.problems(schema, bad) else ["an annotation without a path was taken"])


def check_requests(log, description):
    failed, seen, n_bad, n_answers = [], set(), 0, 0
    for entry in log:
        key, operation = description.find(entry["method"], entry["path"])
        if not key:
            failed.append(f"{entry['method']} {entry['path']} is not among the operations of this test")
            continue
        failed += [f"{key}: {one}" for one in judge_request(description, operation, entry)]
        schema = description.answer_schema(operation, entry["status"])
        if schema and entry["answer"] is not None:
            n_answers += 1
            failed += [f"{key}: the stand-in's answer: {one}" for one in description.problems(schema, entry["answer"])]
        if entry["body"] is not None and key not in seen:
            schema = description.resolve(description.body_schema(operation))
            for what, body in variants(entry["body"], schema):
                n_bad += 1
                if not description.problems(schema, body):
                    failed.append(f"{key}: {what} was taken")
            if "output" in entry["body"]:
                failed += [f"{key}: {one}" for one in check_annotations(description, operation, entry["body"])]
        seen.add(key)
    missing = set(description.operations) - seen
    failed += [f"{one} was never asked" for one in missing]
    print(f"  {len(log)} requests and {n_answers} answers of {len(seen)} operations; {n_bad} bad bodies refused")
    return failed


def renew(folder, hub):
    """Makes one result another's, so that a check run is renewed; comment and issue were edited, and one comment is there twice."""
    [comment], [issue] = hub.written("project-0")["comments"], hub.written("project-1")["issues"]
    for one in (comment, issue):
        one["body"] += "\nand more"
    hub.comment("project-0", comment["issue"], comment["body"], comment["user"])
    connection = sqlite3.connect(folder / "state/rubricd.db", timeout=10)
    with connection:
        connection.execute("UPDATE outbox SET state = 'queued', idempotency_key = replace(idempotency_key, ':1:', ':2:') WHERE id > 3")
    connection.close()


def deliver(url, secret, event, payload):
    body = json.dumps(payload).encode()
    request = urllib.request.Request(url, body, {
        "Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": str(uuid.uuid4()), "User-Agent": "GitHub-Hookshot/x",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def check_webhooks(port, secret):
    failed, n, events = [], 0, set()
    for about in json.loads((PACKAGES / "webhooks-examples/api.github.com/index.json").read_text()):
        events.add(about["name"])
        for payload in about["examples"]:
            n += 1
            status = deliver(f"http://127.0.0.1:{port}/github/webhook", secret, about["name"], payload)
            if not 200 <= status < 300:
                failed.append(f"webhook {about['name']}: {status}")
    forged = deliver(f"http://127.0.0.1:{port}/github/webhook", b"another secret", "push", {"ref": "refs/heads/main"})
    if forged not in (401, 403):
        failed.append(f"a forged webhook was answered {forged}")
    print(f"  {n} real webhooks of {len(events)} events answered")
    if len(events) < 50:
        failed.append(f"only {len(events)} events were found in the package")
    return failed


def main():
    description = Description(OPERATIONS)
    with tempfile.TemporaryDirectory(prefix="rubric-contract-") as name:
        folder, port = pathlib.Path(name), free_port()
        hub, daemon = make_world(folder, 2, f"127.0.0.1:{port}")
        daemon.start()
        try:
            wait_until(lambda: set(outbox(folder)) == {"done"}, 60, "all is posted")
            renew(folder, hub)
            hasten(folder)
            wait_until(lambda: set(outbox(folder)) == {"done"}, 60, "all is posted again")
            failed = check_requests(hub.log, description)
            failed += check_webhooks(port, (folder / "hook-secret").read_bytes())
        finally:
            daemon.stop()
            hub.close()
    if failed:
        raise SystemExit("FAILED:\n  " + "\n  ".join(failed[:40]))
    print("GitHub's description and what we do agree")


if __name__ == "__main__":
    main()
