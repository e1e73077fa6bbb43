"""One line of the movie log to one event. Whatever does not fit is a ValueError that says why."""
import re
from typing import NamedTuple

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
MOVIE = r"[a-z0-9+._*-]+"
USERS = range(1, 1_000_001)
WATCH = re.compile(rf"({TIME}),(\d{{1,7}}),GET /data/m/({MOVIE})/(\d{{1,4}})\.mpg")
RATE = re.compile(rf"({TIME}),(\d{{1,7}}),GET /rate/({MOVIE})=(\d)")
ASKED = re.compile(rf"({TIME}),(\d{{1,7}}),recommendation request \S+, status (\d+), result: (.*), (\d+) ms")


class Event(NamedTuple):
    kind: str
    user: int
    movie: str
    number: int


def parse(line):
    """Event of a line, None for a line that is fine but of no use to us."""
    if len(line) > 4096:
        raise ValueError("line is too long")
    for kind, pattern in (("watch", WATCH), ("rate", RATE)):
        match = pattern.fullmatch(line)
        if match:
            return checked(Event(kind, int(match[2]), match[3], int(match[4])))
    if ASKED.fullmatch(line):
        return None
    raise ValueError("line has none of the known forms")


def checked(event):
    if event.user not in USERS:
        raise ValueError(f"user {event.user} cannot exist")
    if event.kind == "rate" and not 1 <= event.number <= 5:
        raise ValueError(f"rating {event.number} is not 1 to 5")
    return event
