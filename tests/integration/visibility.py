#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Over a random course: what a student may not see is in no results.json, result.json, result.md, leaderboard or table that the daemon
writes, and no item at all is in a digest. RUBRIC_SEED repeats a run."""

import csv
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from notices import Slack, notify  # noqa: E402
from rubricd_testing import programs, rubric, valid_results, write  # noqa: E402

OWNERS = ("s0000", "s0001")
KINDS = ("always", "after_deadline", "after_release", "staff")


def make_assignment(dice, number):
    """(id, whether its deadline is over, whether it is released, items by mark: (points, visibility))."""
    items = {f"mark{number}x{i}q": (dice.randint(1, 30), dice.choice(KINDS)) for i in range(dice.randint(2, 7))}
    return f"a{number}", dice.random() < 0.5, dice.random() < 0.4, items


def rubric_text(dice, name, items):
    lines, before = [f"rubric: {name}", "items:"], []
    for mark, (points, visible) in items.items():
        needs = f", needs: [{dice.choice(before)}]" if before and dice.random() < 0.4 else ""
        judge = dice.choice(("machine", "machine", "both", "ta"))
        wanted = dice.choice(("answer.txt", f"no-{mark}.txt"))
        lines.append(f"  - {{id: {mark}, points: {points}, title: Title {mark}, passes: It is {mark}., visible: {visible}, judge: {judge}{needs}, "
                     f"check: {{files: {{present: {wanted}}}}}}}")
        before.append(mark)
    lines.append("leaderboard:")
    lines += [f"  - {{name: Rank {mark}, item: {mark}{dice.choice(('', ', figure: entries'))}}}" for mark in items]
    return "\n".join(lines) + "\n"


def make_world(folder, dice, slack):
    assignments = [make_assignment(dice, number) for number in range(6)]
    course = folder / "course"
    lines = ["course: c", "title: C", "timezone: UTC", "assignments:"]
    for name, is_over, _, items in assignments:
        write(course / f"rubrics/{name}.yaml", rubric_text(dice, name, items))
        lines.append(f"  {name}: {{title: Work, kind: homework, owner: person, deadline: \"{'2020' if is_over else '2090'}-01-01T00:00:00Z\"}}")
        for owner in OWNERS:
            write(folder / f"inbox/{name}/{owner}/answer.txt", "42\n")
    write(course / "course.yaml", "\n".join(lines) + "\n")
    write(course / "roster.csv", "id,name,email\n" + "".join(f"{owner},N,{owner}@example.edu\n" for owner in OWNERS))
    write(folder / "url", slack.url + "\n").chmod(0o600)
    config = write(folder / "rubricd.yaml", """course: course
state: state
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu]
sources:
  - folder: {name: inbox, path: inbox, every: 200ms}
sinks:
  - folder: {name: results, path: results}
  - slack: {name: staff, url_file: url, every: 1s}
""")
    return config, assignments


def once(config):
    done = subprocess.run([programs() / "rubricd", "--config", config, "--once"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def seen(kind, is_over, is_released):
    return kind == "always" or kind == "after_deadline" and (is_over or is_released) or kind == "after_release" and is_released


def check_text(what, text, is_visible, mark):
    if (mark in text) != is_visible:
        raise SystemExit(f"{what}: {mark} is {'missing' if is_visible else 'there'}\n{text}")


def check(folder, config, assignment):
    name, is_over, is_released, items = assignment
    shown = {mark: seen(kind, is_over, is_released) for mark, (_, kind) in items.items()}
    table = rubric("gradescope", "results", "-a", name, "--config", config)
    maximum = sum(points for mark, (points, _) in items.items() if shown[mark])
    rows = list(csv.DictReader(io.StringIO(table)))
    for owner in OWNERS:
        [place] = (folder / f"results/{name}/{owner}").iterdir()
        results = valid_results(json.loads((place / "results.json").read_text()))
        for mark, is_visible in shown.items():
            for file in ("results.json", "result.json", "result.md"):
                check_text(place / file, (place / file).read_text(), is_visible, mark)
            ranks = [line for line in results.get("leaderboard", []) if mark in line["name"]]
            if ranks and not is_visible:
                raise SystemExit(f"{place}: {ranks}")
        passed = sum(test.get("score", 0) for test in results["tests"])
        [row] = [row for row in rows if row["Email"] == f"{owner}@example.edu"]
        if results["score"] > passed or float(row["Total Score"]) != results["score"] or float(row["Max Points"]) != maximum:
            raise SystemExit(f"{place}: {row}, {results}")
    for mark in items:
        check_text("the table", table, False, mark)


def main():
    seed = int(os.environ.get("RUBRIC_SEED", time.time_ns() % 1_000_000_000))
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rubric-visibility-") as folder:
        folder, slack = pathlib.Path(folder), Slack()
        config, assignments = make_world(folder, random.Random(seed), slack)
        once(config)
        for name, _, is_released, _ in assignments:
            if is_released:
                rubric("release", name, "-m", "all is judged", "--config", config)
        once(config)
        for assignment in assignments:
            check(folder, config, assignment)
        told = "\n".join([*slack.messages, notify(folder, "show").stdout])
        for _, _, _, items in assignments:
            for mark in items:
                check_text("a digest", told, False, mark)
        n_hidden = sum(not seen(kind, over, released) for _, over, released, items in assignments for _, kind in items.values())
    print(f"{n_hidden} hidden items are in nothing that students see")


if __name__ == "__main__":
    main()
