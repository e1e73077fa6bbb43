# SPDX-License-Identifier: Apache-2.0
"""What each endpoint of GitHub does. Part of github_standin: a handler takes (hub, request, path parameters) and returns an Answer
or plain JSON; it raises Refused for what GitHub refuses."""

import dataclasses
import re
import urllib.parse

import github_graphql as graphql
import github_shapes as shapes
from github_limits import Credential, Refused, new_installation_token


@dataclasses.dataclass
class Answer:
    body: object = None
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    raw: bytes = None


ROUTES = []  # (method, compiled path, function, permission, level, content-creating)


def route(method, path, permission=None, level="read", content=False):
    """`{name}` is one segment, `{name+}` many."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path))

    def add(function):
        ROUTES.append((method, re.compile(pattern + "$"), function, permission, level, content))
        return function
    return add


def find(method, path):
    for entry in ROUTES:
        match = entry[0] == method and entry[1].match(path)
        if match:
            return entry, {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
    raise Refused(404, "Not Found")


def invalid(resource, field, code="invalid", **more):
    return Refused(422, "Validation Failed", errors=[{"resource": resource, "field": field, "code": code, **more}])


def page(hub, request, items, make, key=None):
    """One page with its Link header; `key`: the array is wrapped in an object with total_count."""
    size = max(1, min(100, int(request.query.get("per_page", 30))))
    number = max(1, int(request.query.get("page", 1)))
    last = max(1, -(-len(items) // size))
    links = []
    for name, n in (("prev", number - 1), ("next", number + 1), ("last", last), ("first", 1)):
        if (name in ("prev", "first") and number > 1) or (name in ("next", "last") and number < last):
            query = urllib.parse.urlencode({**request.query, "page": n})
            links.append(f'<{hub.url}{request.path}?{query}>; rel="{name}"')
    body = [make(hub, *one) if isinstance(one, tuple) else make(hub, one) for one in items[(number - 1) * size:number * size]]
    return Answer({"total_count": len(items), key: body} if key else body, headers={"Link": ", ".join(links)} if links else {})


def need(body, name, kind, required=True):
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a {kind}." if name in body else
                      f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    return value


# ---- apps

def need_app(request):
    if request.credential.kind != "app":
        raise Refused(401, "A JSON web token could not be decoded")


@route("GET", "/app")
def get_app(hub, request):
    need_app(request)
    return shapes.app(hub)


@route("GET", "/app/installations")
def list_installations(hub, request):
    need_app(request)
    return page(hub, request, [1], lambda hub, _: shapes.installation(hub))


@route("GET", "/orgs/{org}/installation")
def org_installation(hub, request, org):
    need_app(request)
    if org.lower() != hub.organization.lower():
        raise Refused(404, "Not Found")
    return shapes.installation(hub)


@route("GET", "/repos/{owner}/{repo}/installation")
def repo_installation(hub, request, owner, repo):
    need_app(request)
    return shapes.installation(hub)


@route("POST", "/app/installations/{number}/access_tokens")
def mint(hub, request, number):
    need_app(request)
    if number != str(hub.installation_id):
        raise Refused(404, "Not Found")
    body = request.body or {}
    asked = need(body, "permissions", dict, False) or dict(hub.permissions)
    for name, level in asked.items():
        if not Credential("app", "", hub.permissions).may(name, level):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    ids = need(body, "repository_ids", list, False)
    names = need(body, "repositories", list, False)
    if names is not None:
        ids = [repo.id for repo in hub.repos.values() if repo.name in names]
        if len(ids) != len(names):
            raise Refused(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")
    if ids is not None and len(ids) > 500:
        raise Refused(422, "Too many repositories")
    token = new_installation_token(hub.app_id)
    expires = hub.now() + hub.token_lifetime
    hub.credentials[token] = Credential("installation", token, asked, ids, expires, f"installation {hub.installation_id}")
    hub.tell_git()
    hub.n_minted += 1
    return Answer({"token": token, "expires_at": shapes.iso(expires), "permissions": asked,
                   "repository_selection": "all" if ids is None else "selected"}, 201)


@route("GET", "/installation/repositories")
def installation_repositories(hub, request):
    if request.credential.kind != "installation":
        raise Refused(403, "You must authenticate with an installation access token in order to list repositories for an installation.")
    return page(hub, request, hub.visible(request.credential), shapes.repository, "repositories")


@route("GET", "/rate_limit")
def rate_limit(hub, request):
    def of(resource):
        used, reset = hub.limits.window(request.credential.owner, resource)
        limit = hub.limits.limit_of(resource)
        return {"limit": limit, "used": used, "remaining": max(0, limit - used), "reset": reset}
    core = of("core")
    return {"resources": {"core": core, "graphql": of("graphql"), "search": {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}},
            "rate": core}


@route("GET", "/user")
def get_user(hub, request):
    return {**shapes.user(hub, request.credential.owner), "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "name": None,
            "company": None, "blog": None, "location": None, "email": None, "hireable": None, "bio": None, "created_at": shapes.iso(hub.started),
            "updated_at": shapes.iso(hub.started)}


# ---- reading

@route("GET", "/orgs/{org}/repos", "metadata")
def org_repos(hub, request, org):
    if org.lower() != hub.organization.lower():
        raise Refused(404, "Not Found")
    repos = hub.visible(request.credential)
    if request.query.get("sort", "created") == "pushed":
        repos.sort(key=lambda repo: repo.pushed_at or 0, reverse=request.query.get("direction", "desc") == "desc")
    return page(hub, request, repos, shapes.repository)


@route("GET", "/orgs/{org}/teams/{slug}/repos", "members")
def team_repos(hub, request, org, slug):
    if slug not in hub.teams:
        raise Refused(404, "Not Found")
    return page(hub, request, hub.repos_of_team(slug, request.credential), shapes.repository)


@route("GET", "/orgs/{org}/teams/{slug}/members", "members")
def team_members(hub, request, org, slug):
    if slug not in hub.teams:
        raise Refused(404, "Not Found")
    return page(hub, request, hub.teams[slug]["members"], shapes.user)


@route("GET", "/repos/{owner}/{repo}", "metadata")
def get_repo(hub, request, repo):
    return shapes.repository(hub, repo, full=True)


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref+}", "contents")
def get_ref(hub, request, repo, ref):
    if not repo.refs:
        raise Refused(409, "Git Repository is empty.")
    if "refs/" + ref not in repo.refs:
        raise Refused(404, "Not Found")
    return shapes.reference(hub, repo, "refs/" + ref)


@route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref+}", "contents")
def matching_refs(hub, request, repo, ref):
    if not repo.refs:
        raise Refused(409, "Git Repository is empty.")
    names = sorted(name for name in repo.refs if name.startswith("refs/" + ref))
    return page(hub, request, [(repo, name) for name in names], shapes.reference)


@route("GET", "/repos/{owner}/{repo}/git/tags/{sha}", "contents")
def get_tag(hub, request, repo, sha):
    tag = repo.tags.get(sha)
    if not tag:
        raise Refused(404, "Not Found")
    return {"node_id": shapes.node_id("Tag", sha[:8]), "sha": sha, "url": f"{hub.url}/repos/{repo.full_name}/git/tags/{sha}", "tag": tag["tag"],
            "message": "hand in", "tagger": {"name": "A student", "email": "student@example.edu", "date": shapes.iso(tag["at"])},
            "object": {"sha": tag["commit"], "type": "commit", "url": f"{hub.url}/repos/{repo.full_name}/git/commits/{tag['commit']}"}}


def short_refs(prefix):
    def handler(hub, request, repo):
        names = sorted(name for name in repo.refs if name.startswith(prefix))

        def make(hub, name):
            sha = repo.commit_of(name)
            one = {"name": name.removeprefix(prefix), "commit": {"sha": sha, "url": f"{hub.url}/repos/{repo.full_name}/commits/{sha}"}}
            if prefix == "refs/heads/":
                return {**one, "protected": False}
            return {**one, "node_id": shapes.node_id("Ref", name), "zipball_url": "https://github.test/z", "tarball_url": "https://github.test/t"}
        return page(hub, request, names, make)
    return handler


route("GET", "/repos/{owner}/{repo}/branches", "contents")(short_refs("refs/heads/"))
route("GET", "/repos/{owner}/{repo}/tags", "contents")(short_refs("refs/tags/"))


def resolve(repo, ref):
    """A commit by name or sha, as `commits/{ref}` and statuses take it."""
    for name in (ref, "refs/" + ref, "refs/heads/" + ref, "refs/tags/" + ref):
        if name in repo.refs:
            return repo.commit_of(name)
    if ref in repo.commits:
        return ref
    if not repo.refs:
        raise Refused(409, "Git Repository is empty.")
    raise Refused(422, f"No commit found for SHA: {ref}")


@route("GET", "/repos/{owner}/{repo}/commits", "contents")
def list_commits(hub, request, repo):
    start = resolve(repo, request.query.get("sha", repo.default_branch))
    return page(hub, request, [(repo, sha) for sha in repo.history(start)], shapes.commit)


@route("GET", "/repos/{owner}/{repo}/activity", "contents")
def list_activity(hub, request, repo):
    ref = request.query.get("ref")
    kinds = request.query.get("activity_type")
    items = [(repo, one) for one in reversed(repo.activity)
             if (not ref or one["ref"] in (ref, "refs/heads/" + ref)) and (not kinds or one["type"] == kinds)]
    return page(hub, request, items, shapes.activity)


@route("GET", "/repos/{owner}/{repo}/pulls", "pull_requests")
def list_pulls(hub, request, repo):
    base, state = request.query.get("base"), request.query.get("state", "open")
    found = [one for one in repo.pulls if (not base or one["base"] == base) and (state == "all" or one["state"] == state)]
    key = "updated" if request.query.get("sort") == "updated" else "created"
    found.sort(key=lambda one: one[key], reverse=request.query.get("direction", "desc") == "desc")
    return page(hub, request, [(repo, one) for one in found], lambda hub, repo, one: shapes.pull(hub, repo, one))


@route("GET", "/repos/{owner}/{repo}/pulls/{number}", "pull_requests")
def get_pull(hub, request, repo, number):
    for one in repo.pulls:
        if str(one["number"]) == number:
            return shapes.pull(hub, repo, one)
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/releases", "contents")
def list_releases(hub, request, repo):
    return page(hub, request, [(repo, one) for one in reversed(repo.releases)], shapes.release)


@route("GET", "/repos/{owner}/{repo}/releases/latest", "contents")
def latest_release(hub, request, repo):
    for one in reversed(repo.releases):
        if not one["draft"] and not one["prerelease"]:
            return shapes.release(hub, repo, one)
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/releases/tags/{tag+}", "contents")
def release_by_tag(hub, request, repo, tag):
    for one in repo.releases:
        if one["tag"] == tag and not one["draft"]:
            return shapes.release(hub, repo, one)
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/collaborators", "metadata")
def list_collaborators(hub, request, repo):
    def make(hub, login):
        return {**shapes.user(hub, login), "role_name": "write",
                "permissions": {"pull": True, "triage": True, "push": True, "maintain": False, "admin": False}}
    return page(hub, request, repo.collaborators, make)


@route("GET", "/repos/{owner}/{repo}/tarball/{ref+}", "contents")
def tarball(hub, request, repo, ref):
    sha = resolve(repo, ref)
    return Answer(None, 302, {"Location": f"{hub.other_host}/_codeload/{repo.full_name}/{sha}?token=short"})


# ---- deliveries of webhooks

@route("GET", "/app/hook/deliveries")
def list_deliveries(hub, request):
    need_app(request)
    wanted = request.query.get("status")
    found = [one for one in reversed(hub.deliveries) if wanted != "failure" or not 200 <= one["status_code"] < 300]
    return page(hub, request, found, lambda hub, one: {key: value for key, value in one.items() if key != "payload"})


@route("GET", "/app/hook/deliveries/{number}")
def get_delivery(hub, request, number):
    need_app(request)
    for one in hub.deliveries:
        if str(one["id"]) == number:
            return {**{key: value for key, value in one.items() if key != "payload"}, "url": "",
                    "request": {"headers": {"X-GitHub-Event": one["event"], "X-GitHub-Delivery": one["guid"]}, "payload": one["payload"]},
                    "response": {"headers": {}, "payload": ""}}
    raise Refused(404, "Not Found")


@route("POST", "/app/hook/deliveries/{number}/attempts")
def redeliver(hub, request, number):
    need_app(request)
    for one in list(hub.deliveries):
        if str(one["id"]) == number:
            hub.send_delivery(one["event"], one["payload"], one["guid"])
            return Answer({}, 202)
    raise Refused(404, "Not Found")


# ---- GraphQL

def graphql_repository(hub, repo):
    def target(name):
        sha = repo.refs[name]
        if sha in repo.tags:
            return {"__typename": "Tag", "__interfaces": ("GitObject", "Node"), "oid": sha, "target": graphql_commit(repo, repo.tags[sha]["commit"])}
        return graphql_commit(repo, sha)

    def ref(name):
        return {"__typename": "Ref", "name": re.sub(r"^refs/(heads|tags)/", "", name), "prefix": "/".join(name.split("/")[:2]) + "/",
                "target": target(name)}

    def refs(refPrefix, query=None, orderBy=None, **rest):
        names = sorted(name for name in repo.refs if name.startswith(refPrefix) and (not query or query in name))
        return graphql.connection(names, ref, **rest)

    def actor(login):
        return {"__typename": "User", "login": login}

    def pull(one):
        return {"__typename": "PullRequest", "number": one["number"], "state": one["state"].upper(), "isDraft": one["draft"],
                "createdAt": shapes.iso(one["created"]), "updatedAt": shapes.iso(one["updated"]), "headRefName": one["head"],
                "headRefOid": one["sha"], "baseRefName": one["base"], "isCrossRepository": one["fork"], "author": actor(one["user"])}

    def pull_requests(baseRefName=None, orderBy=None, **rest):
        found = [one for one in repo.pulls if baseRefName in (None, one["base"])]
        return graphql.connection(sorted(found, key=lambda one: -one["updated"]), pull, **rest)

    def release(one):
        ref = "refs/tags/" + one["tag"]
        return {"__typename": "Release", "databaseId": one["id"], "tagName": one["tag"], "isDraft": one["draft"],
                "isPrerelease": one["prerelease"], "createdAt": shapes.iso(one["created"]), "publishedAt": shapes.iso(one["published"]),
                "author": actor(one["user"]), "tagCommit": graphql_commit(repo, repo.commit_of(ref)) if ref in repo.refs else None}

    def releases(orderBy=None, **rest):
        return graphql.connection(list(reversed(repo.releases)), release, **rest)
    default = "refs/heads/" + repo.default_branch
    return {"__typename": "Repository", "__interfaces": ("Node",), "id": repo.node_id, "databaseId": repo.id, "name": repo.name,
            "nameWithOwner": repo.full_name, "isArchived": repo.archived, "isDisabled": repo.disabled, "isEmpty": not repo.refs,
            "isFork": repo.fork, "isPrivate": repo.private, "diskUsage": repo.size, "pushedAt": shapes.iso(repo.pushed_at), "url": f"https://github.test/{repo.full_name}",
            "createdAt": shapes.iso(repo.created_at), "updatedAt": shapes.iso(repo.pushed_at or repo.created_at),
            "defaultBranchRef": ref(default) if default in repo.refs else None, "refs": refs,
            "pullRequests": pull_requests, "releases": releases,
            "ref": lambda qualifiedName: ref(qualifiedName) if qualifiedName in repo.refs else None}


def graphql_commit(repo, sha):
    return {"__typename": "Commit", "__interfaces": ("GitObject", "Node"), "oid": sha,
            "committedDate": shapes.iso(repo.commits.get(sha, repo.created_at)), "message": "Work"}


@route("POST", "/graphql", "metadata")
def post_graphql(hub, request):
    credential = request.credential
    make = lambda repo: graphql_repository(hub, repo)

    def repositories(orderBy=None, **rest):
        repos = hub.visible(credential)
        if orderBy:
            key = {"PUSHED_AT": lambda repo: repo.pushed_at or 0, "NAME": lambda repo: repo.name, "CREATED_AT": lambda repo: repo.id,
                   "UPDATED_AT": lambda repo: repo.pushed_at or 0}[orderBy["field"]]
            repos.sort(key=key, reverse=orderBy["direction"] == "DESC")
        return graphql.connection(repos, make, **rest)

    def organization(login):
        if login.lower() != hub.organization.lower():
            return graphql.Missing(f"Could not resolve to an Organization with the login of '{login}'.")
        return {"__typename": "Organization", "login": hub.organization, "databaseId": 1, "repositories": repositories, "team": team}

    def team(slug):
        if not credential.may("members", "read"):
            return graphql.Forbidden("Resource not accessible by integration")
        permission = lambda repo: {"permission": "READ" if repo.name in hub.teams[slug]["reads"] else "WRITE"}
        repositories = lambda **rest: graphql.connection(hub.repos_of_team(slug, credential), make, edge=permission, **rest)
        return {"__typename": "Team", "slug": slug, "repositories": repositories} if slug in hub.teams else None

    def repository(owner, name):
        repo = hub.find_repo(owner, name, credential)
        return make(repo) if repo else graphql.Missing(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

    def nodes(ids):
        if len(ids) > 100:
            raise graphql.QueryError("You may not provide more than 100 node ids")
        known = {repo.node_id: repo for repo in hub.visible(credential)}
        return [make(known[one]) if one in known else graphql.Missing(f"Could not resolve to a node with the global id of '{one}'") for one in ids]
    used, reset = hub.limits.window(credential.owner, "graphql")
    limit = hub.limits.graphql
    rate = {"__typename": "RateLimit", "limit": limit, "used": used, "remaining": max(0, limit - used), "resetAt": shapes.iso(reset), "nodeCount": 100}
    root = {"rateLimit": rate, "organization": organization, "repository": repository, "nodes": nodes,
            "viewer": {"__typename": "User", "login": credential.owner}}
    try:
        data, errors, points = graphql.answer(root, need(request.body, "query", str), request.body.get("variables") or {})
    except (graphql.QueryError, TypeError, KeyError) as problem:
        return {"errors": [{"message": str(problem)}]}
    hub.limits.spend(credential.owner, "graphql", points)
    return {"data": data, **({"errors": errors} if errors else {})}
