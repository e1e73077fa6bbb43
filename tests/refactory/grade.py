#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grade.py FOLDER [--jobs 2] [--every N] [--against VERDICTS.csv]: grades what make_course.py made and compares with the known truth:
every correct program passes every test; of the wrong ones 1,722 fail and 61 pass. Writes FOLDER/verdicts.csv (--out), each line a
program and the outcome of each of its tests, so that runs can be compared."""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import time

RUBRIC = pathlib.Path(os.environ.get("RUBRIC_BIN", pathlib.Path(__file__).parents[2] / "build/release/bin")) / "rubric"
LETTERS = {"pass": "P", "fail": "F"}


def seconds_in_python(items):
    """As the evidence tells them, which rounds to hundredths."""
    text = "\n".join(finding.get("evidence", "") for item in items for finding in item["findings"])
    return sum(map(float, re.findall(r"^\$ python3 .*\n.* after ([0-9.]+) s", text, re.MULTILINE)))


def grade(folder, row):
    """One program: a letter per test, P, F or ? (ours); the seconds that grading it took, and those inside Python."""
    command = [RUBRIC, "grade", "-c", folder / "course", "-a", row["question"], "-o", "student", "--json",
               folder / "submissions" / row["question"] / row["name"]]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    elapsed = time.monotonic() - start
    try:
        items = json.loads(done.stdout)["items"]
    except ValueError:
        print(f"{row['question']}/{row['name']}: {done.stderr.strip()}", file=sys.stderr)
        return "?", elapsed, 0
    for item in items:
        if item["outcome"] not in LETTERS:
            print(f"{row['question']}/{row['name']} {item['id']}: {item['outcome']}: {item.get('reason')}", file=sys.stderr)
    letters = "".join(LETTERS.get(item["outcome"], "?") for item in items)
    return letters, elapsed, seconds_in_python(items)


def is_as_known(counts, n_rows):
    expected = {("correct", "pass"): 2442, ("wrong", "fail"): 1722, ("wrong", "pass"): 61}
    whole = n_rows == sum(expected.values())
    right = counts.get(("correct", "fail"), 0) == 0 and all(key[1] != "unknown" for key in counts)
    return right and (not whole or counts == expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="only each Nth program")
    parser.add_argument("--only", nargs="*", help="only programs of these names")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--against", type=pathlib.Path, help="verdicts of an earlier run, which must be the same")
    options = parser.parse_args()
    with open(options.folder / "truth.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::options.every]
    rows = [row for row in rows if not options.only or row["name"] in options.only]

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        graded = list(pool.map(lambda row: grade(options.folder, row), rows))
    elapsed = time.monotonic() - start

    outcomes, whole, inside = zip(*graded)
    counts = {}
    lines = []
    for row, letters in zip(rows, outcomes):
        verdict = "unknown" if "?" in letters else "fail" if "F" in letters else "pass"
        counts[row["kind"], verdict] = counts.get((row["kind"], verdict), 0) + 1
        lines.append(f"{row['question']},{row['name']},{row['kind']},{letters}\n")
    (options.out or options.folder / "verdicts.csv").write_text("".join(lines), encoding="utf-8")
    for (kind, verdict), n in sorted(counts.items()):
        print(f"{kind:8} {verdict:8} {n:5}")
    n_boxes = sum(map(len, outcomes))
    print(f"{len(rows)} submissions, {n_boxes} boxes in {elapsed:.1f} s: {len(rows) / elapsed:.1f} submissions and {n_boxes / elapsed:.0f} boxes per second")
    print(f"{sum(inside) / sum(whole):.0%} of the time of grading is inside Python")
    is_good = is_as_known(counts, len(rows))
    print("as known" if is_good else "NOT as known")
    if options.against:
        earlier = set(options.against.read_text(encoding="utf-8").splitlines(keepends=True))
        differing = [line for line in lines if line not in earlier]
        print(f"{len(differing)} verdicts differ from the earlier run")
        is_good = is_good and not differing
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
