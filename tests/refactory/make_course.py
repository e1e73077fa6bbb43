#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_course.py ARCHIVE FOLDER: a course of real programs whose verdicts are known.

ARCHIVE is the data set of the Refactory paper (githubhuyang/refactory: introductory Python, five tasks, right and wrong programs of
hundreds of students). In FOLDER this makes course/ (five assignments, an item per test of the data set), submissions/QUESTION/NAME/
and truth.csv: question, name, kind (correct or wrong). Nothing of the data set belongs into this repository."""

import ast
import csv
import inspect
import pathlib
import re
import sys
import zipfile

def canonical(value):
    """The same text for values that Python holds equal, as the data set compares them: False and 0, 2.0 and 2."""
    if isinstance(value, (bool, float)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(canonical, value))
        return "[" + inner + "]" if isinstance(value, list) else "(" + inner + ")"
    return repr(value)


def expected_text(text):
    """The canonical text of an expected value as Python printed it."""
    try:
        return canonical(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError):
        return text.strip()


EVALUATE = '''# What the task defines, the program, then the expression of the test, as the data set has it.
import sys

''' + inspect.getsource(canonical) + '''
# The data set compares values: what a program prints besides is not judged.
folder, answer, sys.stdout = sys.argv[1], sys.stdout, sys.stderr
names = {"__name__": "submission"}
for path in (folder + "/global.py", "solution.py"):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        continue
    exec(compile(text, path, "exec"), names)
print(canonical(eval(sys.stdin.read().strip(), names)), file=answer)
'''

COURSE = """course: refactory
title: Introductory Python
timezone: UTC
assignments:
{assignments}
tokens:
  banks:
    person: {{pool: 0}}
  late: {{unit: started_day, price: 1, grace: 0min, stop_after: 3}}
  resubmission: none
  without_tokens:
    person: refused
"""

ITEM = """  - id: t{number}
    points: 1
    title: Test {number}
    passes: "Test {number} evaluates to what is expected."
    check:
      run: {{command: [python3, -I, "{{checks}}/evaluate.py", "{{checks}}"], hidden: checks/q{question}/code,
            stdin_file: checks/q{question}/input_{number}.txt, stdout: {{file: checks/q{question}/output_{number}.txt}}}}
      limits: {{wall: 10s, cpu: 1s}}
"""


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_question(archive, question, folder):
    """Writes one task's rubric, checks and submissions; yields its rows of the truth."""
    root = f"data/question_{question}/"
    files = {name[len(root):]: name for name in archive.namelist() if name.startswith(root) and not name.endswith("/")}
    checks = folder / f"course/checks/q{question}"
    put(checks / "code/evaluate.py", EVALUATE)
    numbers = []
    for short, name in sorted(files.items()):
        text = archive.read(name).decode("utf-8")
        test = re.fullmatch(r"ans/(input|output)_(\d+)\.txt", short)
        program = re.fullmatch(r"code/(correct|wrong)/(\w+)\.py", short)
        if test:
            put(checks / f"{test[1]}_{test[2]}.txt", (expected_text(text) if test[1] == "output" else text.strip()) + "\n")
            numbers += [test[2]] if test[1] == "input" else []
        elif short == "code/global.py":
            put(checks / "code/global.py", text)
        elif program:
            put(folder / f"submissions/q{question}/{program[2]}/solution.py", text)
            yield {"question": f"q{question}", "name": program[2], "kind": program[1]}
    items = "".join(ITEM.format(number=number, question=question) for number in numbers)
    put(folder / f"course/rubrics/q{question}.yaml", f"rubric: q{question}\ntitle: Task {question}\nitems:\n{items}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    with zipfile.ZipFile(sys.argv[1]) as archive:
        rows = [row for question in range(1, 6) for row in make_question(archive, question, folder)]
    lines = [f'  - {{id: q{question}, title: Task {question}, kind: homework, deadline: "2040-01-01T00:00"}}' for question in range(1, 6)]
    put(folder / "course/course.yaml", COURSE.format(assignments="\n".join(lines)))
    put(folder / "course/roster.csv", "email,id,name\nstudent@college.example,student,A Student\n")
    with open(folder / "truth.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["question", "name", "kind"])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} submissions in {folder}")


if __name__ == "__main__":
    main()
