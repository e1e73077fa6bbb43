"""Reads the movie log from stdin, keeps what is sound, counts what is not, and never stops half-way."""
import collections
import json
import sys

from pipeline import events


def ingest(lines):
    """(likes: user -> {movie: rating}, accepted, rejected) of an iterable of bytes."""
    likes = collections.defaultdict(dict)
    accepted = rejected = 0
    for line in lines:
        try:
            event = events.parse(line.decode("utf-8").rstrip("\r\n"))
        except ValueError as problem:
            rejected += 1
            print(f"rejected: {problem}", file=sys.stderr)
            continue
        accepted += 1
        if event and event.kind == "rate":
            likes[event.user][event.movie] = event.number
    return likes, accepted, rejected


def main():
    likes, accepted, rejected = ingest(sys.stdin.buffer)
    with open("likes.json", "w") as file:
        json.dump(likes, file, indent=1, sort_keys=True)
    print(f"accepted {accepted}, rejected {rejected}")


if __name__ == "__main__":
    main()
