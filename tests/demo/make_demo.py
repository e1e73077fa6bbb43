#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes what `./dev run` grades, from the samples of rubrics/mlip-f22: make_demo.py FOLDER

FOLDER/course        a copy of the course with the teams' movie logs, its repositories pointing to
FOLDER/repos/        three team repositories, histories of five weeks, tag submit/m2
FOLDER/inbox/        Gradescope exports for I1 and M1, and archives as students have them, one of them hostile
FOLDER/rubricd.yaml  the daemon's configuration; it believes that it is the evening of 2 November 2022

The same FOLDER content for the same samples, but for the archives' own time stamps.
"""
import datetime
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import movielog

ROOT = pathlib.Path(__file__).resolve().parents[2]
COURSE = ROOT / "rubrics/mlip-f22"
NOW = "2022-11-02T21:30:00-04:00"
# M1 was due on 22 September, 03:59:59 UTC.
M1_RECEIVED = {"team1": "2022-09-22T01:12:40Z", "team2": "2022-09-22T13:48:03Z", "team3": "2022-09-21T23:30:11Z"}


def people():
    """id -> (name, e-mail, sid) of the roster."""
    found = {}
    for line in (COURSE / "roster.csv").read_text().splitlines()[1:]:
        identity, name, email, _, sid, *_ = line.split(",")
        found[identity] = (name, email, sid)
    return found


def sample_files(sample):
    """path -> bytes of a sample submission."""
    root = COURSE / "samples" / sample
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def without(files, *paths):
    return {path: data for path, data in files.items() if path not in paths}


# ---- repositories ---------------------------------------------------------------------------------------------------


def git(folder, *arguments, **environment):
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "-C", folder, *arguments], check=True, env={**plain, **environment}, stdout=subprocess.DEVNULL)


def commit(folder, who, email, date, message, files):
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message, GIT_AUTHOR_NAME=who, GIT_AUTHOR_EMAIL=email, GIT_AUTHOR_DATE=date,
        GIT_COMMITTER_NAME=who, GIT_COMMITTER_EMAIL=email, GIT_COMMITTER_DATE=date)


def make_repository(repos, team, history):
    """`history`: (person's id or "id e-mail", date, message, files that the commit writes)."""
    known = people()
    work = repos / f".{team}"
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch", "main")
    for who, date, message, files in history:
        identity, _, email = who.partition(" ")
        name, usual, _ = known[identity]
        commit(work, name, email or usual, f"{date}-04:00", message, files)
    git(work, "tag", "submit/m2")
    git(repos, "clone", "--quiet", "--bare", work, f"{team}.git")
    shutil.rmtree(work)


def pick(files, *prefixes):
    return {path: data for path, data in files.items() if path.startswith(prefixes)}


def good_history(files):
    draft = files["m2_report.md"].split(b"## Offline")[0]
    return [
        ("alindqvi", "2022-09-28T10:12:00", "Say what is where\n\nThe service of M1 starts anew as a pipeline.", pick(files, "README")),
        ("alindqvi ada@laptop.local", "2022-10-03T18:40:00", "Read one line of the movie log", pick(files, "pipeline/__init__", "pipeline/events")),
        ("bokonkwo", "2022-10-05T11:05:00", "Test the parser with lines from the log", pick(files, "tests/__init__", "tests/test_events")),
        ("bokonkwo bram.okonkwo@mail.example", "2022-10-07T16:22:00", "Keep ratings, count what is rejected", pick(files, "pipeline/ingest")),
        ("cferrant", "2022-10-12T09:31:00", "Rank movies by their mean rating", pick(files, "service/")),
        ("dadeyemi", "2022-10-14T20:03:00", "Measure precision and watched share", pick(files, "pipeline/evaluate")),
        ("dadeyemi", "2022-10-19T13:47:00", "Test pipeline, metrics and ranking", pick(files, "tests/test_pipeline")),
        ("cferrant", "2022-10-24T10:15:00", "Run the tests on every push", pick(files, "Jenkinsfile")),
        ("alindqvi", "2022-10-28T22:10:00", "Describe pipeline and data quality", {"m2_report.md": draft}),
        ("bokonkwo", "2022-11-01T17:55:00", "Report both evaluations, add the coverage report", pick(files, "m2_report", "coverage")),
    ]


def careless_history(files):
    """Messages that say nothing."""
    return [
        ("ehalvors", "2022-10-10T12:00:00", "initial", pick(files, "README", "pipeline/__init__")),
        ("fzamani", "2022-10-15T12:00:00", "Read the movie log and keep ratings", pick(files, "pipeline/")),
        ("gtakemot goro@goro-thinkpad.local", "2022-10-20T12:00:00", "wip", pick(files, "service/")),
        ("ehalvors eirik@fjord.example", "2022-10-25T12:00:00", "Test parser and pipeline", pick(files, "tests/")),
        ("ehalvors", "2022-10-30T12:00:00", "fix", pick(files, "Jenkinsfile")),
        ("gtakemot", "2022-11-02T12:00:00", "report", pick(files, "m2_report", "coverage")),
    ]


def broken_history(files):
    """One member never commits, and the last commit breaks a test."""
    events = files["pipeline/events.py"].replace(b"<= 5:", b"<= 10:")
    assert events != files["pipeline/events.py"]
    return [
        ("hbergero", "2022-10-04T09:00:00", "Describe how to run it", pick(files, "README")),
        ("iquispe", "2022-10-11T15:20:00", "Read the movie log", pick(files, "pipeline/")),
        ("jmwangi", "2022-10-18T19:45:00", "Rank by mean rating", pick(files, "service/")),
        ("iquispe inez.quispe@mail.example", "2022-10-23T11:11:00", "Test what reads the log", pick(files, "tests/")),
        ("jmwangi", "2022-10-27T08:30:00", "Let Jenkins run the tests", pick(files, "Jenkinsfile")),
        ("hbergero", "2022-11-01T23:02:00", "Write the report of M2", pick(files, "m2_report", "coverage")),
        ("iquispe", "2022-11-02T20:58:00", "Accept ratings up to ten", {"pipeline/events.py": events}),
    ]


# ---- archives -------------------------------------------------------------------------------------------------------


def zip_bytes(files, root=""):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(root + path, data)
    return target.getvalue()


def write_export(path, number, submissions):
    """A Gradescope export. `submissions`: (id, receipt in UTC, person ids, files)."""
    known = people()
    top = f"assignment_{number}_export/"
    metadata, files = "---\n", {}
    for identity, created, submitters, content in submissions:
        metadata += f"submission_{identity}:\n  :submitters:\n"
        for person in submitters:
            name, email, sid = known[person]
            metadata += f"  - :name: {name}\n    :sid: '{sid}'\n    :email: {email}\n"
        moment = created.replace("T", " ").replace("Z", ".000000000 Z")
        metadata += f"  :created_at: {moment}\n  :score: 0.0\n  :status: processed\n  :results: {{}}\n  :history: []\n"
        files.update({f"{top}submission_{identity}/{name}": data for name, data in content.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_bytes({top + "submission_metadata.yml": metadata.encode(), **files}))


def make_individual_export(inbox):
    good = sample_files("i1/passing")
    careless = {**good, "app/settings.py": b'VISION_KEY = "AIza' + b"x" * 35 + b'"\n'}
    write_export(inbox / "i1/assignment_2201_export.zip", 2201, [
        (900101, "2022-09-07T22:03:51Z", ["alindqvi"], good),
        (900102, "2022-09-08T16:40:00Z", ["bokonkwo"], good),
        (900103, "2022-09-07T19:20:09Z", ["cferrant"], careless),
        (900104, "2022-09-10T20:15:30Z", ["dadeyemi"], good),
        (900105, "2022-09-18T12:00:00Z", ["ehalvors"], good),
        (900106, "2022-09-07T23:59:10Z", ["fzamani"], without(good, "report.pdf")),
        (900107, "2022-09-06T08:08:08Z", ["lsalonen"], good),
    ])


def make_team_export(inbox):
    good = sample_files("m1/passing")
    report = good["m1_report.md"].replace(b"| model size ", b"| size in bytes ")
    thin = {**without(good, "notes/2022-09-12.md", "notes/2022-09-19.md"), "m1_report.md": report}
    write_export(inbox / "m1/assignment_2202_export.zip", 2202, [
        (900201, M1_RECEIVED["team1"], ["alindqvi", "bokonkwo", "cferrant", "dadeyemi"], good),
        (900202, M1_RECEIVED["team2"], ["ehalvors", "fzamani", "gtakemot"], good),
        (900203, M1_RECEIVED["team3"], ["hbergero", "iquispe", "jmwangi", "kpetrova"], thin),
    ])


def make_archives(inbox):
    """What lies loose in the inbox: macOS debris, an unknown owner, a link that leads out, a second try at M1."""
    good = sample_files("i1/passing")
    debris = {"__MACOSX/._report.pdf": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1"}
    (inbox / "i1/kpetrova.zip").write_bytes(zip_bytes({**good, **debris}, "homework 1/"))
    (inbox / "i1/nobody.zip").write_bytes(zip_bytes(good))
    (inbox / "m1/team3.zip").write_bytes(zip_bytes(sample_files("m1/passing"), "team3-m1/"))
    with tarfile.open(inbox / "i1/jmwangi.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("report.pdf")
        link.type, link.linkname = tarfile.SYMTYPE, "../../../../etc/passwd"
        archive.addfile(link)
        readme = tarfile.TarInfo("README.md")
        readme.size = len(good["README.md"])
        archive.addfile(readme, io.BytesIO(good["README.md"]))


# ---- course and configuration ---------------------------------------------------------------------------------------


def make_course(folder, repos):
    course = folder / "course"
    shutil.copytree(COURSE, course, ignore=shutil.ignore_patterns("samples", "__pycache__"))
    text = (course / "course.yaml").read_text()
    url = next(line for line in text.splitlines() if line.strip().startswith("url:"))
    (course / "course.yaml").write_text(text.replace(url, url.split("url:")[0] + f'url: "file://{repos}/{{team.id}}.git"'))
    logs = course / "checks/m1/movielogs"
    day_before = {team: datetime.datetime.fromisoformat(received.rstrip("Z")) - datetime.timedelta(hours=24)
                  for team, received in M1_RECEIVED.items()}
    requests = [("team1", day_before["team1"], 36, 2390, 4), ("team2", day_before["team2"], 36, 2390, 0),
                ("team3", day_before["team3"], 70, 1230, 3), ("team3", datetime.datetime(2022, 11, 2, 2), 35, 2460, 3)]
    for log in logs.glob("*.log"):
        log.unlink()
    for team, start, seconds_between, count, personalised_each in requests:
        with open(logs / f"{team}.log", "a") as log:
            log.writelines(line + "\n" for line in movielog.lines(f"{team}.example", start, seconds_between, count, personalised_each))



def write_config(folder):
    (folder / "rubricd.yaml").write_text(f"""course: course
state: state
pretend_now: "{NOW}"
# Only a demo accepts this unseen: it runs for an ordinary user, and where there are no control groups. See `rubric doctor`.
accept_missing: [own-uid, cgroup-memory, cgroup-processes, cgroup-cpu]
sources:
  - folder: {{name: inbox, path: inbox, every: 1s}}
  - git: {{name: git, every: 2s}}
sinks:
  - folder: {{name: results, path: results}}
""")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1]).resolve()
    repos, inbox = folder / "repos", folder / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        print(f"make_demo: \"{folder}\" is not empty; give a new folder, or remove it first", file=sys.stderr)
        return 1
    files = sample_files("m2/passing")
    for team, history in (("team1", good_history), ("team2", careless_history), ("team3", broken_history)):
        make_repository(repos, team, history(files))
    make_individual_export(inbox)
    make_team_export(inbox)
    make_archives(inbox)
    make_course(folder, repos)
    write_config(folder)
    print(f"""made in {folder}:
  course/                     the course, from rubrics/mlip-f22, with a movie log a team
  repos/team{{1,2,3}}.git       M2 by tag submit/m2: one careful team, one with empty messages, one with a broken test
  inbox/i1/, inbox/m1/        two Gradescope exports (7 and 3 submissions), 4 loose archives
  rubricd.yaml                it is {NOW}""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
