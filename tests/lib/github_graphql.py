# SPDX-License-Identifier: Apache-2.0
"""As much of GraphQL as one needs to answer queries about repositories: a reader of queries, a cost by GitHub's formula, and the
walk over what github_standin knows. Objects are dicts: a member is a value or a function of its arguments."""

import re

TOKEN = re.compile(r"""[\s,]+|\#[^\n]*|(?P<punct>\.\.\.|[{}()\[\]:!=$@|&])|(?P<name>[_A-Za-z]\w*)|(?P<number>-?\d+(?:\.\d+)?)|(?P<string>"(?:[^"\\\n]|\\.)*")""")


class QueryError(Exception):
    pass


def tokens(text):
    at, found = 0, []
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise QueryError(f"Parse error on {text[at:at + 10]!r}")
        if match.lastgroup:
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return found + [("end", "")]


class Reader:
    def __init__(self, text):
        self.tokens, self.at = tokens(text), 0

    def peek(self):
        return self.tokens[self.at][1]

    def next(self, expected=None):
        kind, text = self.tokens[self.at]
        if expected is not None and text != expected:
            raise QueryError(f'Expected "{expected}", found "{text}"')
        self.at += 1
        return kind, text

    def value(self, variables):
        kind, text = self.next()
        if text == "$":
            name = self.next()[1]
            if variables is None:
                return None
            if name not in variables:
                raise QueryError(f"Variable ${name} is used but was not given")
            return variables[name]
        if kind == "string":
            return text[1:-1].encode().decode("unicode_escape")
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        if text == "[":
            items = []
            while self.peek() != "]":
                items.append(self.value(variables))
            self.next()
            return items
        if text == "{":
            return self.pairs("}", variables)
        if kind == "name":
            return text  # an enum's value
        raise QueryError(f'Unexpected "{text}"')

    def pairs(self, end, variables):
        found = {}
        while self.peek() != end:
            name = self.next()[1]
            self.next(":")
            found[name] = self.value(variables)
        self.next()
        return found

    def selections(self, variables):
        """[(kind, alias or type, name, arguments, selections)]"""
        found = []
        self.next("{")
        while self.peek() != "}":
            if self.peek() == "":
                raise QueryError("Parse error: the query ends too soon")
            if self.peek() == "...":
                self.next()
                if self.peek() == "on":
                    self.next()
                    found.append(("on", self.next()[1], None, {}, self.selections(variables)))
                else:
                    found.append(("spread", self.next()[1], None, {}, []))
                continue
            alias = name = self.next()[1]
            if self.peek() == ":":
                self.next()
                name = self.next()[1]
            arguments = {}
            if self.peek() == "(":
                self.next()
                arguments = self.pairs(")", variables)
            inner = self.selections(variables) if self.peek() == "{" else None
            found.append(("field", alias, name, arguments, inner))
        self.next()
        return found

    def document(self, variables):
        operation, fragments = None, {}
        while self.peek():
            word = self.peek()
            if word == "{":
                operation = self.selections(variables)
                continue
            self.next()
            if word == "fragment":
                name = self.next()[1]
                self.next("on")
                fragments[name] = (self.next()[1], self.selections(variables))
            elif word == "query":
                given = self.heading(variables)
                operation = self.selections(given)
            else:
                raise QueryError(f'"{word}" is not answered here')
        return operation, fragments

    def heading(self, variables):
        """Name and variables with their defaults; what is required must be given."""
        given = dict(variables)
        if self.peek() not in "({":
            self.next()
        if self.peek() == "(":
            self.next()
            while self.peek() != ")":
                self.next("$")
                name = self.next()[1]
                self.next(":")
                required = self.type()
                if self.peek() == "=":
                    self.next()
                    given.setdefault(name, self.value(None))
                if required and given.get(name) is None:
                    raise QueryError(f"Variable ${name} was not provided")
                given.setdefault(name, None)
            self.next()
        return given

    def type(self):
        if self.peek() == "[":
            self.next()
            self.type()
            self.next("]")
        else:
            self.next()
        if self.peek() != "!":
            return False
        self.next()
        return True


def cost(selections, fragments, multiplier=1):
    """Requests needed to fill every connection at its full size; GitHub divides them by 100."""
    total = 0
    for kind, alias, _, arguments, inner in selections:
        if kind == "spread":
            total += cost(fragments[alias][1], fragments, multiplier)
            continue
        size = arguments.get("first", arguments.get("last"))
        is_connection = kind == "field" and isinstance(size, int)
        if is_connection and not 1 <= size <= 100:
            raise QueryError("`first` must be between 1 and 100")
        total += multiplier if is_connection else 0
        total += cost(inner or [], fragments, multiplier * (size if is_connection else 1))
    return total


def walk(source, selections, fragments, path, errors):
    out = {}
    for kind, alias, name, arguments, inner in selections:
        if kind in ("on", "spread"):
            on, fields = (alias, inner) if kind == "on" else fragments[alias]
            if on in (source.get("__typename"), *source.get("__interfaces", ())):
                out.update(walk(source, fields, fragments, path, errors))
            continue
        if name not in source:
            raise QueryError(f"Field '{name}' doesn't exist on type '{source.get('__typename', 'Query')}'")
        value = source[name]
        value = value(**arguments) if callable(value) else value
        if isinstance(value, Missing):
            errors.append({"type": value.type, "path": path + [alias], "message": str(value)})
            value = None
        out[alias] = descend(value, inner, fragments, path + [alias], errors)
    return out


def descend(value, inner, fragments, path, errors):
    if isinstance(value, list):
        return [descend(one, inner, fragments, path + [i], errors) for i, one in enumerate(value)]
    if isinstance(value, Missing):
        errors.append({"type": value.type, "path": path, "message": str(value)})
        return None
    if isinstance(value, dict):
        if inner is None:
            raise QueryError(f"Field '{path[-1]}' needs a selection")
        return walk(value, inner, fragments, path, errors)
    return value


class Missing(Exception):
    """What a field answers for a node that is not there or not to be seen."""
    type = "NOT_FOUND"


class Forbidden(Missing):
    type = "FORBIDDEN"


def connection(items, make, first=None, after=None, edge=lambda one: {}, **_):
    """A page of `items`; the cursor is a position, which GitHub's is not: take it as opaque. `edge`: what an edge has beside its node."""
    if first is None:
        raise QueryError("You must provide a `first` or `last` value to properly paginate the connection.")
    start = int(after.removeprefix("cursor:")) if after else 0
    page = items[start:start + first]
    return {"__typename": "Connection", "totalCount": len(items), "nodes": lambda: [make(one) for one in page],
            "edges": lambda: [{"__typename": "Edge", "node": make(one), **edge(one)} for one in page],
            "pageInfo": {"__typename": "PageInfo", "hasNextPage": start + first < len(items), "hasPreviousPage": start > 0,
                         "startCursor": f"cursor:{start}" if page else None,
                         "endCursor": f"cursor:{start + len(page)}" if page else None}}


def answer(root, query, variables):
    """(data, errors, cost)"""
    operation, fragments = Reader(query).document(variables or {})
    if operation is None:
        raise QueryError("No operation")
    points = max(1, round(cost(operation, fragments) / 100))
    root["rateLimit"]["cost"] = points
    errors = []
    return walk(root, operation, fragments, [], errors), errors, points
