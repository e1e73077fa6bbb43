# SPDX-License-Identifier: Apache-2.0
"""Where the stand-in of GitHub meets git: what was pushed beside it, source archives, and the paths of an Enterprise Server."""

import subprocess

import github_shapes as shapes


def absorb(hub):
    """Takes over what was pushed by git, and tells the webhook."""
    pushed = hub.folder / "git-pushed"
    for mark in list(pushed.iterdir()) if pushed.is_dir() else ():
        mark.unlink()
        repo = hub.repos[mark.name]
        there = dict(line.split()[::-1] for line in repo.git("for-each-ref", "--format=%(objectname) %(refname)").splitlines())
        for ref, sha in there.items():
            if repo.refs.get(ref, shapes.NO_SHA) != sha and ref.startswith(("refs/heads/", "refs/tags/")):
                note_push(hub, repo, ref, sha)


def note_push(hub, repo, ref, sha):
    one = {"id": hub.next_id(), "before": repo.refs.get(ref, shapes.NO_SHA), "after": sha, "ref": ref, "at": hub.now(), "type": "push",
           "actor": "autograder[bot]"}
    repo.refs[ref], repo.pushed_at = sha, one["at"]
    repo.commits.setdefault(sha, one["at"])
    repo.activity.append(one)
    if hub.hook:
        hub.send_delivery("push", shapes.push_event(hub, repo, one))


def archive(hub, path):
    """What the tarball's redirect leads to; only with git."""
    parts = path.split("/")
    if not hub.is_git or parts[1] != "_codeload":
        return b""
    repo, sha = hub.repos[parts[3]], parts[4]
    return subprocess.run(["git", "-C", repo.path, "archive", "--format=tar.gz", f"--prefix={repo.owner}-{repo.name}-{sha[:7]}/", sha],
                          check=True, capture_output=True).stdout


# ---- an Enterprise Server has all on one host

def is_of_git(hub, path):
    return hub.git_http and ".git/" in path


def below_api(path):
    if path == "/api/graphql":
        return "/graphql"
    return path.removeprefix("/api/v3") if path.startswith("/api/v3/") else f"/no-path-of-ours{path}"
