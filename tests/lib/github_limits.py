# SPDX-License-Identifier: Apache-2.0
"""GitHub's rules of who may ask what, how often: credentials, permissions, primary and secondary limits. Part of github_standin."""

import base64
import collections
import hashlib
import json
import secrets
import subprocess
import threading

LEVELS = {None: 0, "read": 1, "write": 2, "admin": 3}


class Refused(Exception):
    """An answer other than success: status, message, extra headers and members of the body."""

    def __init__(self, status, message, headers=None, **members):
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status), **members}


class Credential:
    """One token as GitHub knows it."""

    def __init__(self, kind, token, permissions, repositories=None, expires=None, owner=None):
        self.kind = kind  # "app" (a JWT), "installation", "pat"
        self.token = token
        self.permissions = permissions
        self.repositories = repositories  # ids, or None: all
        self.expires = expires
        self.owner = owner  # what the primary limit is counted for
        self.revoked = False

    def may(self, permission, level):
        return LEVELS[self.permissions.get(permission)] >= LEVELS[level]


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class AppKey:
    """The App's RSA key: made by openssl, checked with pow()."""

    DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")

    def __init__(self, path):
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(path), "2048"], check=True, capture_output=True)
        path.chmod(0o600)
        out = subprocess.run(["openssl", "rsa", "-in", str(path), "-noout", "-modulus"], check=True, capture_output=True, text=True)
        self.n = int(out.stdout.strip().split("=")[1], 16)
        self.path = path

    def claims(self, jwt, now):
        """The claims of a good JWT; Refused as GitHub words it."""
        try:
            head, body, signature = jwt.split(".")
            length = (self.n.bit_length() + 7) // 8
            opened = pow(int.from_bytes(unbase64(signature), "big"), 65537, self.n).to_bytes(length, "big")
            digest = self.DIGEST_INFO + hashlib.sha256(f"{head}.{body}".encode()).digest()
            expected = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
            claims = json.loads(unbase64(body))
            good = opened == expected and json.loads(unbase64(head))["alg"] == "RS256"
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            raise Refused(401, "A JSON web token could not be decoded")
        if not isinstance(claims.get("iat"), int) or claims["iat"] > now + 1:
            raise Refused(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= now:
            raise Refused(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
        if claims["exp"] > now + 660:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
        return claims


def new_installation_token(app_id):
    """The long stateless format; nobody may count on 40 characters."""
    return f"ghs_{app_id}_" + secrets.token_urlsafe(400)


class Limits:
    """Primary limit per owner of a credential and hour, secondary ones per minute, content per minute and hour."""

    def __init__(self, now):
        self.now = now
        self.lock = threading.Lock()
        self.enforced = True
        self.core = 5000
        self.graphql = 5000
        self.points_a_minute = {"core": 900, "graphql": 2000}
        self.content_a_minute = 80
        self.content_an_hour = 500
        self.concurrent = 100
        self.refuse_with = 403  # or 429
        self.sends_retry_after = True
        self.windows = {}  # (owner, resource) -> [used, reset]
        self.recent = collections.defaultdict(collections.deque)  # (owner, what) -> times, points
        self.refusals = collections.Counter()
        self.n_running = 0
        self.most_running = 0

    def window(self, owner, resource):
        window = self.windows.get((owner, resource))
        if not window or window[1] <= self.now():
            window = self.windows[(owner, resource)] = [0, int(self.now()) + 3600]
        return window

    def limit_of(self, resource):
        return self.graphql if resource == "graphql" else self.core

    def headers(self, owner, resource):
        used, reset = self.window(owner, resource)
        limit = self.limit_of(resource)
        return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(max(0, limit - used)), "X-RateLimit-Used": str(used),
                "X-RateLimit-Reset": str(reset), "X-RateLimit-Resource": resource}

    def spend(self, owner, resource, points):
        with self.lock:
            self.window(owner, resource)[0] += points

    def _sum(self, owner, what, seconds):
        line = self.recent[(owner, what)]
        while line and line[0][0] <= self.now() - 3600:
            line.popleft()
        return sum(points for at, points in line if at > self.now() - seconds)

    def _secondary(self, what):
        self.refusals[what] += 1
        headers = {"Retry-After": "1" if what == "concurrent" else "60"} if self.sends_retry_after else {}
        raise Refused(self.refuse_with, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", headers)

    def admit(self, owner, resource, points, content):
        """Counts a request on the secondary limits, or refuses it; the primary one is counted when its price is known."""
        with self.lock:
            used, _ = self.window(owner, resource)
            if not self.enforced:
                pass
            elif used >= self.limit_of(resource):
                self.refusals["primary " + resource] += 1
                if resource == "graphql":
                    raise Refused(200, "API rate limit exceeded", graphql=True)
                raise Refused(self.refuse_with, f"API rate limit exceeded for {owner}.")
            elif self.n_running > self.concurrent:
                self._secondary("concurrent")
            elif self._sum(owner, resource, 60) + points > self.points_a_minute[resource]:
                self._secondary("points " + resource)
            elif content and self._sum(owner, "content", 60) + 1 > self.content_a_minute:
                self._secondary("content a minute")
            elif content and self._sum(owner, "content", 3600) + 1 > self.content_an_hour:
                self._secondary("content an hour")
            self.recent[(owner, resource)].append((self.now(), points))
            if content:
                self.recent[(owner, "content")].append((self.now(), 1))
