#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `./dev run` grades is made as promised: repositories with histories, exports that can be read, a course without mistakes."""
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

source = pathlib.Path(os.environ["SOURCE_FOLDER"])
rubric = pathlib.Path(os.environ["RUBRIC_BIN"]) / "rubric"


def check(claim, is_true):
    if not is_true:
        sys.exit(f"not so: {claim}")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


with tempfile.TemporaryDirectory(prefix="rubric-demo-") as name:
    folder = pathlib.Path(name) / "demo"
    make = [sys.executable, str(source / "tests/demo/make_demo.py"), str(folder)]
    output(*make)
    for team, n_authors in (("team1", 4), ("team2", 3), ("team3", 3)):
        repository = str(folder / f"repos/{team}.git")
        log = output("git", "-C", repository, "log", "--format=%an %cI", "submit/m2").splitlines()
        check(f"{team} has commits of {n_authors} people", len({line.rpartition(" ")[0] for line in log}) == n_authors)
        check(f"{team}'s commits are of weeks", len({line[-25:-15] for line in log}) >= 6)
        check(f"{team} has the tag on main", output("git", "-C", repository, "rev-parse", "main", "submit/m2").split()[0] in
              output("git", "-C", repository, "rev-parse", "submit/m2"))
    with zipfile.ZipFile(folder / "inbox/i1/assignment_2201_export.zip") as export:
        metadata = export.read("assignment_2201_export/submission_metadata.yml").decode()
        check("the export names seven submissions", metadata.count(":submitters:") == 7)
        for identity in (line[:-1] for line in metadata.splitlines() if line.startswith("submission_")):
            check(f"{identity} has files", any(f"/{identity}/" in entry for entry in export.namelist()))
    check("a second time nothing is overwritten", subprocess.run(make, capture_output=True).returncode == 1)
    print(output(rubric, "check", folder / "course"), end="")
