# SPDX-License-Identifier: Apache-2.0
"""The JSON of GitHub's answers, made from what github_standin keeps."""

import base64
import datetime

NO_SHA = "0" * 40


def iso(seconds):
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind, number):
    return base64.b64encode(f"0:{kind}{number}".encode()).decode()


def user(hub, login, kind="User"):
    url = f"{hub.url}/users/{login}"
    known = sum(ord(c) * 31 ** i for i, c in enumerate(login)) % 10 ** 8
    out = {"login": login, "id": known, "node_id": node_id(kind, known), "avatar_url": "https://avatars.test/u/1", "gravatar_id": "",
           "url": url, "html_url": f"https://github.test/{login}", "type": kind, "site_admin": False}
    for name in ("followers", "subscriptions", "organizations", "repos", "received_events"):
        out[f"{name}_url"] = f"{url}/{name}"
    for name, tail in (("following", "{/other_user}"), ("gists", "{/gist_id}"), ("starred", "{/owner}{/repo}"), ("events", "{/privacy}")):
        out[f"{name}_url"] = f"{url}/{name}{tail}"
    return out


PLAIN_URLS = ("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges", "stargazers", "subscribers",
              "subscription", "tags", "teams")
TEMPLATE_URLS = {"archive": "{archive_format}{/ref}", "assignees": "{/user}", "blobs": "{/sha}", "branches": "{/branch}",
                 "collaborators": "{/collaborator}", "comments": "{/number}", "commits": "{/sha}", "compare": "{base}...{head}",
                 "contents": "{+path}", "git_commits": "{/sha}", "git_refs": "{/sha}", "git_tags": "{/sha}", "issue_comment": "{/number}",
                 "issue_events": "{/number}", "issues": "{/number}", "keys": "{/key_id}", "labels": "{/name}", "milestones": "{/number}",
                 "notifications": "{?since,all,participating}", "pulls": "{/number}", "releases": "{/id}", "statuses": "{sha}",
                 "trees": "{/sha}"}


def repository(hub, repo, full=False):
    url = f"{hub.url}/repos/{repo.full_name}"
    out = {"id": repo.id, "node_id": repo.node_id, "name": repo.name, "full_name": repo.full_name, "private": repo.private,
           "owner": user(hub, repo.owner, "Organization"), "html_url": f"https://github.test/{repo.full_name}", "description": None,
           "fork": repo.fork, "url": url, "git_url": f"git://github.test/{repo.full_name}.git",
           "ssh_url": f"git@github.test:{repo.full_name}.git", "clone_url": f"{hub.git_url}/{repo.full_name}.git",
           "svn_url": f"https://github.test/{repo.full_name}", "mirror_url": None, "homepage": None, "language": None, "size": repo.size,
           "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "open_issues_count": 0, "forks": 0, "open_issues": 0, "watchers": 0,
           "default_branch": repo.default_branch, "is_template": False, "topics": [], "has_issues": repo.has_issues, "has_projects": False,
           "has_wiki": False, "has_pages": False, "has_discussions": False, "archived": repo.archived, "disabled": repo.disabled,
           "visibility": "private" if repo.private else "public", "pushed_at": iso(repo.pushed_at), "created_at": iso(repo.created_at),
           "updated_at": iso(repo.pushed_at or repo.created_at), "license": None, "allow_forking": False, "web_commit_signoff_required": False,
           "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True}}
    for name in PLAIN_URLS:
        out[f"{name}_url"] = f"{url}/{name}"
    for name, tail in TEMPLATE_URLS.items():
        out[f"{name}_url"] = f"{url}/{name}{tail}"
    if full:
        out.update(network_count=0, subscribers_count=0)
    return out


def reference(hub, repo, name):
    sha = repo.refs[name]
    kind = "tag" if sha in repo.tags else "commit"
    return {"ref": name, "node_id": node_id("Ref", sha[:8]), "url": f"{hub.url}/repos/{repo.full_name}/git/{name}",
            "object": {"type": kind, "sha": sha, "url": f"{hub.url}/repos/{repo.full_name}/git/{kind}s/{sha}"}}


def commit(hub, repo, sha):
    at = iso(repo.commits.get(sha, repo.created_at))
    url = f"{hub.url}/repos/{repo.full_name}/commits/{sha}"
    who = {"name": "A student", "email": "student@example.edu", "date": at}
    return {"sha": sha, "node_id": node_id("Commit", sha[:8]), "url": url, "html_url": f"https://github.test/{repo.full_name}/commit/{sha}",
            "comments_url": url + "/comments", "author": None, "committer": None, "parents": [],
            "commit": {"url": url, "author": who, "committer": who, "message": "Work", "comment_count": 0,
                       "tree": {"sha": sha, "url": f"{hub.url}/repos/{repo.full_name}/git/trees/{sha}"},
                       "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}}}


def app(hub):
    return {"id": hub.app_id, "slug": "autograder", "node_id": node_id("App", hub.app_id), "client_id": "Iv1.0123456789abcdef",
            "owner": user(hub, hub.organization, "Organization"), "name": "Autograder", "description": "", "external_url": "https://example.edu",
            "html_url": "https://github.test/apps/autograder", "created_at": iso(hub.started), "updated_at": iso(hub.started),
            "permissions": dict(hub.permissions), "events": ["push", "check_run"]}


def installation(hub):
    return {"id": hub.installation_id, "account": user(hub, hub.organization, "Organization"), "repository_selection": "all",
            "access_tokens_url": f"{hub.url}/app/installations/{hub.installation_id}/access_tokens",
            "repositories_url": f"{hub.url}/installation/repositories", "html_url": "https://github.test/settings/installations/1",
            "app_id": hub.app_id, "app_slug": "autograder", "target_id": 1, "target_type": "Organization",
            "permissions": dict(hub.permissions), "events": ["push"], "created_at": iso(hub.started), "updated_at": iso(hub.started),
            "single_file_name": None, "suspended_by": None, "suspended_at": None}


def check_run(hub, repo, run):
    output = run["output"]
    url = f"{hub.url}/repos/{repo.full_name}/check-runs/{run['id']}"
    return {"id": run["id"], "node_id": node_id("CheckRun", run["id"]), "head_sha": run["head_sha"], "external_id": run["external_id"],
            "url": url, "html_url": f"https://github.test/{repo.full_name}/runs/{run['id']}", "details_url": run["details_url"],
            "status": run["status"], "conclusion": run["conclusion"], "started_at": run["started_at"], "completed_at": run["completed_at"],
            "output": {"title": output.get("title"), "summary": output.get("summary"), "text": output.get("text"),
                       "annotations_count": len(run["annotations"]), "annotations_url": url + "/annotations"},
            "name": run["name"], "check_suite": {"id": run["suite"]}, "app": app(hub), "pull_requests": []}


def status(hub, repo, one):
    return {"url": f"{hub.url}/repos/{repo.full_name}/statuses/{one['sha']}", "id": one["id"], "node_id": node_id("Status", one["id"]),
            "avatar_url": None, "state": one["state"], "description": one["description"], "target_url": one["target_url"],
            "context": one["context"], "created_at": iso(one["at"]), "updated_at": iso(one["at"]), "creator": user(hub, one["creator"])}


def comment(hub, repo, one):
    return {"id": one["id"], "node_id": node_id("IssueComment", one["id"]),
            "url": f"{hub.url}/repos/{repo.full_name}/issues/comments/{one['id']}",
            "html_url": f"https://github.test/{repo.full_name}/issues/{one['issue']}#issuecomment-{one['id']}", "body": one["body"],
            "user": user(hub, one["user"], "Bot" if one["user"].endswith("[bot]") else "User"), "created_at": iso(one["created"]),
            "updated_at": iso(one["updated"]), "issue_url": f"{hub.url}/repos/{repo.full_name}/issues/{one['issue']}",
            "author_association": "NONE"}


def issue(hub, repo, one):
    url = f"{hub.url}/repos/{repo.full_name}/issues/{one['number']}"
    out = {"id": one["id"], "node_id": node_id("Issue", one["id"]), "url": url, "repository_url": f"{hub.url}/repos/{repo.full_name}",
           "labels_url": url + "/labels{/name}", "comments_url": url + "/comments", "events_url": url + "/events",
           "html_url": f"https://github.test/{repo.full_name}/issues/{one['number']}", "number": one["number"], "state": one["state"],
           "title": one["title"], "body": one["body"], "user": user(hub, one["user"]), "labels": [{"name": name} for name in one["labels"]],
           "assignee": None, "assignees": [], "milestone": None, "locked": False, "comments": one["comments"], "closed_at": None,
           "created_at": iso(one["created"]), "updated_at": iso(one["updated"]), "author_association": "NONE"}
    if one.get("pull"):
        out["pull_request"] = {"url": f"{hub.url}/repos/{repo.full_name}/pulls/{one['number']}", "html_url": None, "diff_url": None,
                               "patch_url": None}
    return out


def pull(hub, repo, one):
    url = f"{hub.url}/repos/{repo.full_name}/pulls/{one['number']}"
    whole = repository(hub, repo, full=True)
    link = lambda name: {"href": f"{url}/{name}"}
    return {"url": url, "id": one["id"], "node_id": node_id("PullRequest", one["id"]), "number": one["number"], "state": one["state"],
            "html_url": f"https://github.test/{repo.full_name}/pull/{one['number']}", "diff_url": url + ".diff", "patch_url": url + ".patch",
            "issue_url": url.replace("/pulls/", "/issues/"), "commits_url": url + "/commits", "review_comments_url": url + "/comments",
            "review_comment_url": url + "/comments{/number}", "comments_url": url + "/comments", "statuses_url": url + "/statuses",
            "locked": False, "title": one["title"], "user": user(hub, one["user"]), "body": None, "labels": [], "milestone": None,
            "created_at": iso(one["created"]), "updated_at": iso(one["updated"]), "closed_at": None, "merged_at": None,
            "merge_commit_sha": None, "assignee": None, "assignees": [], "requested_reviewers": [], "requested_teams": [],
            "head": {"label": f"{repo.owner}:{one['head']}", "ref": one["head"], "sha": one["sha"], "user": user(hub, repo.owner), "repo": whole},
            "base": {"label": f"{repo.owner}:{one['base']}", "ref": one["base"], "sha": repo.refs.get("refs/heads/" + one["base"], NO_SHA),
                     "user": user(hub, repo.owner), "repo": whole},
            "_links": {name: link(name) for name in ("comments", "commits", "statuses", "html", "issue", "review_comments",
                                                     "review_comment", "self")},
            "author_association": "NONE", "auto_merge": None, "draft": one["draft"], "merged": False, "mergeable": None, "rebaseable": None,
            "mergeable_state": "unknown", "merged_by": None, "comments": 0, "review_comments": 0, "maintainer_can_modify": False, "commits": 1,
            "additions": 1, "deletions": 0, "changed_files": 1}


def release(hub, repo, one):
    url = f"{hub.url}/repos/{repo.full_name}/releases/{one['id']}"
    return {"url": url, "html_url": f"https://github.test/{repo.full_name}/releases/{one['tag']}", "assets_url": url + "/assets",
            "upload_url": url + "/assets{?name,label}", "tarball_url": f"{hub.url}/repos/{repo.full_name}/tarball/{one['tag']}",
            "zipball_url": f"{hub.url}/repos/{repo.full_name}/zipball/{one['tag']}", "id": one["id"], "node_id": node_id("Release", one["id"]),
            "tag_name": one["tag"], "target_commitish": one["target"], "name": one["tag"], "body": None, "draft": one["draft"],
            "prerelease": one["prerelease"], "created_at": iso(one["created"]), "published_at": iso(one["published"]),
            "author": user(hub, one["user"]), "assets": []}


def activity(hub, repo, one):
    return {"id": one["id"], "node_id": node_id("Push", one["id"]), "before": one["before"], "after": one["after"], "ref": one["ref"],
            "timestamp": iso(one["at"]), "activity_type": one["type"], "actor": user(hub, one["actor"])}


def push_event(hub, repo, one):
    """The payload of the webhook: times of the repository are integers here."""
    whole = repository(hub, repo)
    whole.update(created_at=int(repo.created_at), pushed_at=int(repo.pushed_at), owner={**whole["owner"], "name": repo.owner})
    return {"ref": one["ref"], "before": one["before"], "after": one["after"], "created": one["before"] == NO_SHA,
            "deleted": one["after"] == NO_SHA, "forced": one["type"] == "force_push", "base_ref": None, "compare": "https://github.test/c",
            "commits": [], "head_commit": None, "repository": whole, "pusher": {"name": one["actor"], "email": "student@example.edu"},
            "sender": user(hub, one["actor"]), "organization": {"login": repo.owner, "id": 1}, "installation": {"id": hub.installation_id}}
