# SPDX-License-Identifier: Apache-2.0
"""One repository as the stand-in of GitHub knows it. Part of github_standin."""

import os
import shutil
import subprocess

import github_shapes as shapes


class Repo:
    def __init__(self, hub, number, name, **more):
        self.hub, self.id, self.name, self.owner = hub, number, name, hub.organization
        self.node_id = shapes.node_id("Repository", number)
        self.private, self.fork, self.archived, self.disabled, self.has_issues = True, False, False, False, True
        self.default_branch, self.size, self.created_at, self.pushed_at = "main", 1, hub.now(), None
        self.refs, self.tags, self.commits, self.parents = {}, {}, {}, {}
        self.activity, self.pulls, self.releases, self.issues, self.comments = [], [], [], [], []
        self.check_runs, self.statuses, self.collaborators = [], [], []
        self.__dict__.update(more)

    @property
    def full_name(self):
        return f"{self.owner}/{self.name}"

    @property
    def path(self):
        return self.hub.folder / "git" / self.owner / f"{self.name}.git"

    def make(self):
        """A copy of one that git made: a thousand times `git init` and `git config` take minutes."""
        model = self.hub.folder / f"model-{self.default_branch}.git"
        if not model.exists():
            subprocess.run(["git", "init", "-q", "--bare", "--template=", "-b", self.default_branch, model], check=True)
            for key in ("http.receivepack", "uploadpack.allowReachableSHA1InWant"):
                subprocess.run(["git", "-C", model, "config", key, "true"], check=True)
        shutil.copytree(model, self.path)

    def git(self, *arguments, **more):
        return subprocess.run(["git", "-C", self.path, *arguments], check=True, capture_output=True, **more).stdout.decode().strip()

    def point(self, ref, sha):
        """What `git update-ref` does, without a process: a thousand pushes a minute are to cost the one who is measured, not us."""
        path = self.path / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".lock")
        new.write_text(sha + "\n")
        os.rename(new, path)

    def commit_of(self, ref):
        sha = self.refs[ref]
        return self.tags[sha]["commit"] if sha in self.tags else sha

    def history(self, sha):
        found = []
        while sha:
            found.append(sha)
            sha = self.parents.get(sha)
        return found

    def new_issue(self, title, body, user, labels=(), **more):
        number = 1 + max([one["number"] for one in self.issues + self.pulls], default=0)
        now = self.hub.now()
        one = {"id": self.hub.next_id(), "number": number, "title": title, "body": body, "user": user, "labels": list(labels),
               "state": "open", "comments": 0, "created": now, "updated": now, **more}
        self.issues.append(one)
        return one
