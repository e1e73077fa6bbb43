#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a movie log as the course's staff would export it, the same bytes for the same arguments.

movielog.py SERVER START SECONDS_BETWEEN COUNT [PERSONALISED_EACH] prints request lines: every PERSONALISED_EACH-th answer is a list
of its own (0: never), one of 200 requests is refused, and now and then somebody rates a movie.
"""
import datetime
import random
import sys

USUAL = "northbound+2010"
OTHERS = ("glass+orchard+2006", "harbour+lights+1994", "salt+road+1999", "tin+sailors+2001", "winter+circus+1978")


def stamp(moment):
    """Like the real log, which leaves out the seconds when they are 00."""
    return moment.strftime("%Y-%m-%dT%H:%M") if moment.second == 0 else moment.strftime("%Y-%m-%dT%H:%M:%S")


def lines(server, start, seconds_between, count, personalised_each=0):
    rng = random.Random(f"{server} {start} {count}")
    for i in range(count):
        moment = start + datetime.timedelta(seconds=seconds_between * i)
        head = f"{stamp(moment)},{rng.randrange(1, 1000)}"
        if i % 200 == 77:
            yield f"{head},recommendation request {server}:8082, status 0, result: Connection refused: {server}, {rng.randrange(1, 9)} ms"
        else:
            own = personalised_each and i % personalised_each == 0
            yield f"{head},recommendation request {server}:8082, status 200, result: {rng.choice(OTHERS) if own else USUAL}, {rng.randrange(9, 80)} ms"
        if i % 50 == 20:
            yield f"{head},GET /rate/{rng.choice(OTHERS)}={rng.randrange(1, 6)}"


def main():
    server, start, seconds_between, count, *rest = sys.argv[1:]
    moment = datetime.datetime.fromisoformat(start)
    for line in lines(server, moment, float(seconds_between), int(count), int(rest[0]) if rest else 0):
        print(line)


if __name__ == "__main__":
    main()
