# SPDX-License-Identifier: Apache-2.0
"""What a team's service did, from the movie log: movielog.py successes|personalised LOG RECEIVED SERVER

LOG is the staff's copy of the team's topic (times in UTC, without a zone), RECEIVED the moment of submission (as
2022-09-21T22:15:00.000000Z), SERVER the team's host name. Both figures are of the better of two windows: the 24 hours before RECEIVED
and the 24 hours after it. What passes is written in the rubric, not here.
Without a log it ends with 75, which the rubric takes as an error of the course's staff, not of the team.
"""
import collections
import datetime
import re
import sys

TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(?:\.\d{1,9})?)?"  # the log leaves the seconds out when they are 00
REQUEST = re.compile(TIME + r",\d+,recommendation request ([^,\s:]+):\d+, status (\d+), result: (.*), \d+ ms")
DAY = datetime.timedelta(hours=24)
CANNOT_JUDGE = 75


def requests(path, server):
    """(time, answered list or None) of each request that was sent to `server`."""
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            match = REQUEST.fullmatch(line.rstrip("\r\n"))
            if not match or match[3] != server:
                continue
            time = datetime.datetime.fromisoformat(f"{match[1]}:{match[2] or '00'}")
            yield time, tuple(match[5].split(", ")) if match[4] == "200" else None


def personalised_share(answers):
    """Share of all requests that got something else than the most frequent set of movies, in percent; a shuffled list is the same set."""
    sets = [frozenset(answer) for answer in answers if answer is not None]
    if not sets:
        return 0.0
    usual = collections.Counter(sets).most_common(1)[0][1]
    return 100 * (len(sets) - usual) / len(answers)


def main():
    what, path, received, server = sys.argv[1:]
    moment = datetime.datetime.fromisoformat(received.replace("Z", "+00:00"))
    if moment.tzinfo:
        moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    try:
        seen = list(requests(path, server))
    except OSError as problem:
        print(f"no movie log: {problem}", file=sys.stderr)
        return CANNOT_JUDGE
    windows = {
        "before": [answer for time, answer in seen if moment - DAY <= time <= moment],
        "after": [answer for time, answer in seen if moment <= time <= moment + DAY],
    }
    if what == "successes":
        figures = {name: sum(answer is not None for answer in answers) for name, answers in windows.items()}
        print(f"successes: {max(figures.values())}")
        print(f"answers with status 200: {figures['before']} in the 24 h before, {figures['after']} in the 24 h after")
    else:
        figures = {name: personalised_share(answers) for name, answers in windows.items()}
        print(f"personalised: {int(max(figures.values()))} %")
        print(f"of the requests: {figures['before']:.1f} % in the 24 h before, {figures['after']:.1f} % in the 24 h after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
