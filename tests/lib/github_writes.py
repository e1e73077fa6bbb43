# SPDX-License-Identifier: Apache-2.0
"""The endpoints of GitHub that write: statuses, check runs, issues and comments, with the limits that GitHub sets to each."""

import re

import github_shapes as shapes
from github_limits import Refused
from github_routes import Answer, invalid, need, page, resolve, route

LONGEST_TEXT = 65535
LONGEST_DESCRIPTION = 140
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")


def need_app_token(request):
    if request.credential.kind != "installation":
        raise Refused(403, "You must authenticate via a GitHub App.")


def need_alive(repo):
    if repo.archived:
        raise Refused(403, "Repository was archived so is read-only.")


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses", "write", content=True)
def create_status(hub, request, repo, sha):
    need_alive(repo)
    body = request.body
    state = need(body, "state", str)
    if state not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "state", "custom", message="state is not included in the list")
    description = need(body, "description", str, False)
    if description and len(description) > LONGEST_DESCRIPTION:
        raise invalid("Status", "description", "custom", message="description is too long (maximum is 140 characters)")
    if not re.fullmatch("[0-9a-f]{40}", sha) or sha not in repo.commits:
        raise Refused(422, f"No commit found for SHA: {sha}")
    context = need(body, "context", str, False) or "default"
    same = [one for one in repo.statuses if one["sha"] == sha and one["context"].lower() == context.lower()]
    if len(same) >= 1000:
        raise Refused(422, "This SHA and context has reached the maximum number of statuses.")
    one = {"id": hub.next_id(), "sha": sha, "state": state, "description": description, "target_url": need(body, "target_url", str, False),
           "context": context, "at": hub.now(), "creator": hub.login_of(request.credential)}
    repo.statuses.append(one)
    return Answer(shapes.status(hub, repo, one), 201, {"Location": f"{hub.url}/repos/{repo.full_name}/statuses/{sha}"})


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/statuses", "statuses")
def list_statuses(hub, request, repo, ref):
    sha = resolve(repo, ref)
    return page(hub, request, [(repo, one) for one in reversed(repo.statuses) if one["sha"] == sha], shapes.status)


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/status", "statuses")
def combined_status(hub, request, repo, ref):
    sha = resolve(repo, ref)
    latest = {one["context"].lower(): one for one in repo.statuses if one["sha"] == sha}
    states = {one["state"] for one in latest.values()}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    url = f"{hub.url}/repos/{repo.full_name}/commits/{sha}"

    def simple(one):
        whole = shapes.status(hub, repo, one)
        del whole["creator"]
        return whole
    return {"state": state, "statuses": [simple(one) for one in latest.values()], "sha": sha, "total_count": len(latest),
            "repository": shapes.repository(hub, repo), "commit_url": url, "url": url + "/status"}


# ---- check runs

def check_output(output, is_new):
    if output is None:
        return
    if is_new:
        need(output, "title", str)
    need(output, "summary", str)
    for name in ("summary", "text"):
        if len(output.get(name) or "") > LONGEST_TEXT:
            raise Refused(422, f"Invalid request.\n\nOnly {LONGEST_TEXT} characters are allowed; {len(output[name])} were supplied.")
    annotations = output.get("annotations") or []
    if len(annotations) > 50:
        raise Refused(422, f"Invalid request.\n\nNo more than 50 items are allowed; {len(annotations)} were supplied.")
    for one in annotations:
        need(one, "path", str)
        start, end = need(one, "start_line", int), need(one, "end_line", int)
        if start < 0 or end < start or (start != end and ("start_column" in one or "end_column" in one)):
            raise invalid("CheckRun", "annotations")
        if one.get("annotation_level") not in ("notice", "warning", "failure"):
            raise invalid("CheckRun", "annotation_level")
        if not need(one, "message", str) or len(one["message"].encode()) > 64 * 1024 or len(one.get("title") or "") > 255 or \
                len((one.get("raw_details") or "").encode()) > 64 * 1024:
            raise invalid("CheckRun", "annotations")


def check_actions(actions):
    if len(actions or []) > 3:
        raise Refused(422, "Invalid request.\n\nNo more than 3 items are allowed.")
    for one in actions or []:
        for name, most in (("label", 20), ("description", 40), ("identifier", 20)):
            if len(need(one, name, str)) > most:
                raise Refused(422, f"Invalid request.\n\nOnly {most} characters are allowed.")


def apply_run(hub, run, body, is_new):
    if body.get("status") not in (None, "queued", "in_progress", "completed"):
        raise invalid("CheckRun", "status")
    if body.get("conclusion") not in (None, *CONCLUSIONS):
        raise invalid("CheckRun", "conclusion")
    conclusion = body.get("conclusion")
    if (body.get("status") == "completed" or body.get("completed_at")) and not conclusion:
        raise Refused(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    check_output(body.get("output"), is_new)
    check_actions(body.get("actions"))
    for name in ("name", "details_url", "external_id", "started_at"):
        if need(body, name, str, False) is not None:
            run[name] = body[name]
    if conclusion:
        run.update(conclusion=conclusion, status="completed", completed_at=body.get("completed_at") or shapes.iso(hub.now()))
    elif body.get("status"):
        run.update(status=body["status"], conclusion=None, completed_at=None)
    output = body.get("output") or {}
    run["output"].update({name: output[name] for name in ("title", "summary", "text") if name in output})
    run["annotations"].extend(output.get("annotations") or [])
    run["n_writes"] += 1
    run["was"].append(run["status"])
    if conclusion:
        run.setdefault("concluded", hub.now())


@route("POST", "/repos/{owner}/{repo}/check-runs", "checks", "write", content=True)
def create_check_run(hub, request, repo):
    need_app_token(request)
    need_alive(repo)
    need(request.body, "name", str)
    sha = need(request.body, "head_sha", str)
    if sha not in repo.commits:
        raise Refused(422, f"No commit found for SHA: {sha}")
    run = {"id": hub.next_id(), "head_sha": sha, "suite": 1000 + int(sha[:6], 16), "name": "", "external_id": "", "details_url": None,
           "status": "queued", "conclusion": None, "started_at": shapes.iso(hub.now()), "completed_at": None, "output": {}, "annotations": [],
           "n_writes": 0, "created": hub.now(), "was": []}
    apply_run(hub, run, request.body, True)
    repo.check_runs.append(run)
    return Answer(shapes.check_run(hub, repo, run), 201)


def find_run(repo, number):
    for run in repo.check_runs:
        if str(run["id"]) == number:
            return run
    raise Refused(404, "Not Found")


@route("PATCH", "/repos/{owner}/{repo}/check-runs/{number}", "checks", "write", content=True)
def update_check_run(hub, request, repo, number):
    need_app_token(request)
    need_alive(repo)
    run = find_run(repo, number)
    apply_run(hub, run, request.body, False)
    return shapes.check_run(hub, repo, run)


@route("GET", "/repos/{owner}/{repo}/check-runs/{number}", "checks")
def get_check_run(hub, request, repo, number):
    return shapes.check_run(hub, repo, find_run(repo, number))


@route("GET", "/repos/{owner}/{repo}/check-runs/{number}/annotations", "checks")
def list_annotations(hub, request, repo, number):
    def make(hub, one):
        return {"path": one["path"], "start_line": one["start_line"], "end_line": one["end_line"], "start_column": one.get("start_column"),
                "end_column": one.get("end_column"), "annotation_level": one["annotation_level"], "title": one.get("title"),
                "message": one["message"], "raw_details": one.get("raw_details"), "blob_href": "https://github.test/blob"}
    return page(hub, request, find_run(repo, number)["annotations"], make)


@route("GET", "/repos/{owner}/{repo}/commits/{ref+}/check-runs", "checks")
def list_check_runs(hub, request, repo, ref):
    sha = resolve(repo, ref)
    name, app = request.query.get("check_name"), request.query.get("app_id")
    runs = [run for run in repo.check_runs if run["head_sha"] == sha and (not name or run["name"] == name) and (not app or app == str(hub.app_id))]
    if request.query.get("filter", "latest") == "latest":
        runs = list({(run["suite"], run["name"]): run for run in runs}.values())
    return page(hub, request, [(repo, run) for run in reversed(runs)], shapes.check_run, "check_runs")


# ---- issues and comments

def need_issues(repo):
    if not repo.has_issues:
        raise Refused(410, "Issues has been disabled in this repository.")


def find_issue(repo, number, can_be_off=False):
    for one in repo.issues:
        if str(one["number"]) == number:
            if not one.get("pull"):
                need_issues(repo)
            return one
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/issues", "issues")
def list_issues(hub, request, repo):
    need_issues(repo)
    state, creator, labels = request.query.get("state", "open"), request.query.get("creator"), request.query.get("labels")
    in_order = repo.issues if request.query.get("direction") == "asc" else reversed(repo.issues)
    found = [(repo, one) for one in in_order
             if (state == "all" or one["state"] == state) and (not creator or one["user"] == creator) and
             (not labels or set(labels.split(",")) <= set(one["labels"]))]
    return page(hub, request, found, shapes.issue)


@route("POST", "/repos/{owner}/{repo}/issues", "issues", "write", content=True)
def create_issue(hub, request, repo):
    need_issues(repo)
    need_alive(repo)
    one = repo.new_issue(need(request.body, "title", str), need(request.body, "body", str, False), hub.login_of(request.credential),
                         need(request.body, "labels", list, False) or [])
    if len(one["body"] or "") > LONGEST_TEXT + 1:
        repo.issues.remove(one)
        raise invalid("Issue", "body", "custom", message="body is too long (maximum is 65536 characters)")
    return Answer(shapes.issue(hub, repo, one), 201)


@route("GET", "/repos/{owner}/{repo}/issues/{number}", "issues")
def get_issue(hub, request, repo, number):
    return shapes.issue(hub, repo, find_issue(repo, number))


@route("PATCH", "/repos/{owner}/{repo}/issues/{number}", "issues", "write", content=True)
def update_issue(hub, request, repo, number):
    one = find_issue(repo, number)
    need_alive(repo)
    for name in ("title", "body", "state"):
        if need(request.body, name, str, False) is not None:
            one[name] = request.body[name]
    one["updated"] = hub.now()
    return shapes.issue(hub, repo, one)


@route("GET", "/repos/{owner}/{repo}/issues/{number}/comments", "issues")
def list_comments(hub, request, repo, number):
    find_issue(repo, number)
    return page(hub, request, [(repo, one) for one in repo.comments if str(one["issue"]) == number], shapes.comment)


def check_body(body):
    text = need(body, "body", str)
    if not text.strip():
        raise invalid("IssueComment", "body", "missing_field")
    if len(text) > LONGEST_TEXT + 1:
        raise invalid("IssueComment", "body", "custom", message="body is too long (maximum is 65536 characters)")
    return text


@route("POST", "/repos/{owner}/{repo}/issues/{number}/comments", "issues", "write", content=True)
def create_comment(hub, request, repo, number):
    issue = find_issue(repo, number)
    need_alive(repo)
    one = {"id": hub.next_id(), "issue": issue["number"], "body": check_body(request.body), "user": hub.login_of(request.credential),
           "created": hub.now(), "updated": hub.now()}
    repo.comments.append(one)
    issue["comments"] += 1
    return Answer(shapes.comment(hub, repo, one), 201)


@route("PATCH", "/repos/{owner}/{repo}/issues/comments/{number}", "issues", "write", content=True)
def update_comment(hub, request, repo, number):
    need_alive(repo)
    for one in repo.comments:
        if str(one["id"]) == number:
            one.update(body=check_body(request.body), updated=hub.now())
            return shapes.comment(hub, repo, one)
    raise Refused(404, "Not Found")


@route("DELETE", "/repos/{owner}/{repo}/issues/comments/{number}", "issues", "write", content=True)
def delete_comment(hub, request, repo, number):
    need_alive(repo)
    for one in repo.comments:
        if str(one["id"]) == number:
            repo.comments.remove(one)
            return Answer(None, 204)
    raise Refused(404, "Not Found")


# Last, since {ref+} takes all that is left of the path.
@route("GET", "/repos/{owner}/{repo}/commits/{ref+}", "contents")
def get_commit(hub, request, repo, ref):
    sha = resolve(repo, ref)
    if request.headers.get("Accept") == "application/vnd.github.sha":
        return Answer(raw=sha.encode(), headers={"Content-Type": "application/vnd.github.sha; charset=utf-8"})
    return {**shapes.commit(hub, repo, sha), "stats": {"total": 1, "additions": 1, "deletions": 0}, "files": []}
