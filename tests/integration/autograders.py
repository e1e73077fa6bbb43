#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Graders `gradescope` and `autolab`: kits in the shapes that people have, what they get wrong, and what a TA sees of it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
import image_made as made  # noqa: E402
import rubricd_testing as t  # noqa: E402
from claims import claim, failed, run_steps  # noqa: E402

COURSE = pathlib.Path(__file__).parents[1] / "data/autograder-course"


def zip_folder(folder, path, below=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in sorted(folder.rglob("*")):
            packed.write(entry, below + str(entry.relative_to(folder)))


def tar_folder(folder, path):
    """As an instructor's own machine packs it: the files are somebody's with a uid that no box has."""
    def owned(entry):
        entry.uid, entry.gid, entry.uname, entry.gname = 501, 20, "instructor", "staff"
        return entry
    with tarfile.open(path, "w") as packed:
        for entry in sorted(folder.iterdir()):
            packed.add(entry, entry.name, filter=owned)


def make_course(folder):
    """The course of tests/data with its kits packed."""
    course = folder / "course"
    shutil.copytree(COURSE, course)
    kits = course / "kits"
    zip_folder(kits / "fib", course / "checks/fib.zip")
    tar_folder(kits / "hello", course / "checks/hello/autograde.tar")
    tar_folder(kits / "sort", course / "checks/sort/autograde.tar")
    shutil.rmtree(kits)
    return course


def run(*command):
    return subprocess.run([t.programs() / "rubric", *map(str, command)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=400, check=False)


def samples(folder):
    course = make_course(folder)
    checked = run("check", course)
    claim("the course has no mistakes", checked.returncode == 0, checked.stdout + checked.stderr)
    tested = run("test", course)
    claim("each sample gets its verdict, and no check is toothless", tested.returncode == 0, tested.stdout + tested.stderr)


class Kit:
    """A course of one item that runs a folder as Gradescope autograder."""

    def __init__(self, folder, settings="", limits=""):
        self.folder, self.kit = folder, folder / "checks/kit"
        t.make_course(folder, 2, "2090-01-01T00:00:00Z", f"gradescope: {{zip: checks/kit{settings}}}{limits}")
        t.write(folder / "work/answer.txt", "42\n")

    def script(self, text, name="run_autograder", newline="\n"):
        path = t.write(self.kit / name, "")
        path.write_bytes(text.replace("\n", newline).encode())
        path.chmod(0o755)
        return self

    def grade(self, *options):
        ended = run("grade", "-c", self.folder, "-a", "hw1", *options, "--json", self.folder / "work")
        if not ended.stdout:
            return {"outcome": "none", "message": ended.stderr, "findings": []}
        item = json.loads(ended.stdout)["items"][0]
        return {"outcome": item["outcome"], **item["findings"][0]}


RESULTS = "/autograder/results/results.json"
LAYOUT = f"""#!/bin/bash
set -e
test "$(id -u)" = 0; test "$PWD" = /autograder; test "$HOME" = /root
test -x /autograder/run_autograder; test -f /autograder/source/run_autograder
test "$(cat /autograder/submission/answer.txt)" = 42
echo changed > /autograder/source/run_autograder; echo x > /autograder/submission/new; echo x > /autograder/new
touch /root/x /tmp/x
tar xf /autograder/source/owned.tar -C /tmp
python -c 'import json, sys; m = json.load(open("/autograder/submission_metadata.json"))
assert m["previous_submissions"] == [] and m["users"][0]["email"] == "s0000@example.edu", m
a = m["assignment"]
assert a["due_date"].startswith("2089-12-31T19:00:00.000000-05:00"), m
assert a["title"] == "Homework 1" and a["total_points"] == "10.0" and a["late_due_date"] is None and a["release_date"] < "1971", m
assert set(a) == {{"id", "course_id", "title", "due_date", "late_due_date", "release_date", "group_size", "group_submission", "total_points"}}, m
assert m["users"][0]["assignment"]["due_date"] == a["due_date"] and m["submission_method"] == "upload", m
assert isinstance(m["id"], int) and m["created_at"].count(":") == 3, m'
echo hello from the autograder
echo '{{"score": 1, "tests": [{{"score": 1, "max_score": 1, "name": "all"}}]}}' > {RESULTS}
"""


def layout(folder):
    kit = Kit(folder).script(LAYOUT, newline="\r\n")
    tar_folder(COURSE / "kits/sort", kit.kit / "owned.tar")
    found = kit.grade("--staff")
    claim("a script with Windows line ends finds /autograder as at Gradescope", found["outcome"] == "pass", found)
    found = kit.grade("--staff")
    claim("and a second run finds nothing of the first", found["outcome"] == "pass", found)


def endings(folder):
    cases = [
        ("no results.json", "echo secret words; exit 0", "wrote no results", "secret words"),
        ("results.json that is no JSON", f"echo '{{\"score\": 1' > {RESULTS}; echo secret words >&2", "cannot be read", "secret words"),
        ("a link in its place", f"ln -s /etc/passwd {RESULTS}; echo secret words", "no file in the place", "secret words"),
        ("an autograder that crashes", "echo secret words; kill -SEGV $$", "wrote no results", "secret words"),
        ("a test that it leaves out", f"echo '{{\"tests\": [{{\"name\": \"b\", \"status\": \"passed\"}}]}}' > {RESULTS}; echo secret words",
         "have no test \"a\"", "secret words"),
    ]
    for i, (what, text, message, words) in enumerate(cases):
        kit = Kit(folder / str(i), ", tests: a").script("#!/bin/sh\n" + text + "\n")
        found = kit.grade("--staff")
        claim(f"{what} is an error", found["outcome"] == "error" and message in found["message"], found)
        claim(f"{what}: staff see what it printed", words in (found.get("evidence") or ""), found)
        found = kit.grade()
        claim(f"{what}: students do not", found["outcome"] == "error" and words not in json.dumps(found), found)


def limits(folder):
    endless = f"#!/bin/sh\necho '{{\"score\": 1}}' > {RESULTS}\nwhile :; do :; done\n"
    found = Kit(folder / "error", ", threshold: 1", ", limits: {wall: 2s}").script(endless).grade("--staff")
    claim("a run that is ended at a limit is an error, whatever it wrote", found["outcome"] == "error" and "2 s" in found["message"], found)
    found = Kit(folder / "fail", ", threshold: 1, at_limit: fail", ", limits: {wall: 2s}").script(endless).grade()
    claim("or a fail where the rubric says so", found["outcome"] == "fail" and "2 s" in found["message"], found)


def hidden(folder):
    text = json.dumps({"stdout_visibility": "hidden", "tests": [
        {"name": "shown", "score": 0, "max_score": 1, "output": "told"},
        {"name": "kept", "score": 0, "max_score": 1, "output": "untold", "visibility": "after_due_date"}]})
    kit = Kit(folder).script(f"#!/bin/sh\necho printed\ncat > {RESULTS} << 'END'\n{text}\nEND\n")
    found = kit.grade()
    seen = json.dumps(found)
    claim("students see the tests that they may see", found["outcome"] == "fail" and "told" in found["evidence"] and "shown" in found["message"], found)
    claim("and nothing of the others", "kept" not in seen and "untold" not in seen and "of 2" not in seen and "printed" not in seen, found)
    claim("staff see them all", "untold" in json.dumps(kit.grade("--staff")))


def image(folder):
    """An image of busybox: the autograder has its programs, its environment, and its own disk."""
    names = ["sh", "cat", "cp", "chmod", "head", "mkdir", "sed", "id", "test"]
    layer = made.layer(made.folder("bin"), made.file("bin/busybox", pathlib.Path("/bin/busybox").read_bytes(), 0o755), made.folder("root"),
                       *[made.link(f"bin/{name}", "busybox") for name in names], made.file("only-here", "kept\n"))
    made.docker_archive(folder / "image.tar", [layer], env=["PATH=/bin", "COLOUR=red"])
    before = os.environ["RUBRIC_IMAGES"]
    os.environ["RUBRIC_IMAGES"] = str(folder / "images")
    try:
        imported = run("image", "import", folder / "image.tar", "--name", "course-2026")
        claim("an image is imported", imported.returncode == 0, imported.stderr)
        text = f"#!/bin/sh\ntest $COLOUR = red && test $(cat /only-here) = kept && test $(id -u) = 0 && echo '{{\"score\": 1}}' > {RESULTS}\n"
        found = Kit(folder / "with", ", threshold: 1, image: course-2026").script(text).grade("--staff")
        claim("an autograder runs with the image that its check names", found["outcome"] == "pass", found)
        claim("and the finding says which", found.get("figures", {}).get("image", "").startswith("sha256:"), found)
        found = Kit(folder / "without", ", threshold: 1, image: course-2025").script(text).grade()
        claim("an image that is not there is an error", found["outcome"] == "error" and "course-2025" in found["message"], found)
    finally:
        os.environ["RUBRIC_IMAGES"] = before


def mistakes(folder):
    kit = Kit(folder)
    t.write(kit.kit / "setup.sh", "true\n")
    checked = run("check", folder)
    claim("a kit without run_autograder is reported with its place",
          checked.returncode == 1 and "rubrics/hw1.yaml:8:" in checked.stdout + checked.stderr and "has no run_autograder at its top" in checked.stdout + checked.stderr,
          checked.stdout + checked.stderr)
    kit.script("#!/bin/sh\n")
    zip_folder(kit.kit, folder / "checks/deep.zip", "kit/")
    rubric = (folder / "rubrics/hw1.yaml").read_text().replace("checks/kit", "checks/deep.zip")
    t.write(folder / "rubrics/hw1.yaml", rubric)
    checked = run("check", folder)
    claim("and so is a zip of the folder instead of the files", "pack the files, not the folder" in checked.stdout + checked.stderr, checked.stderr)


def daemon(folder):
    """An autograder that breaks: retried, then a flag with its last words; nothing of them in what is posted."""
    receiver = t.Receiver()
    kit = Kit(folder / "course").script("#!/bin/sh\necho the last words\n")
    config = t.make_config(folder, kit.folder, receiver.url, max_attempts=2)
    t.write(folder / "inbox/hw1/s0001/answer.txt", "42\n")
    child = t.Daemon(config, folder / "log")
    child.start()
    try:
        t.wait_until(lambda: receiver.effects, 120, "a result")
        posted = b"".join(body for effects in receiver.effects.values() for _, _, body in effects).decode()
        flags = subprocess.run([t.programs() / "rubric", "flags", "--config", str(config), "--json"], capture_output=True, text=True, check=False).stdout
    finally:
        child.stop()
    claim("the flag of a broken autograder has what it printed", "the last words" in flags and '"error"' in flags, flags)
    claim("what is posted says that it is not the student's fault, and no more", "not your fault" in posted and "last words" not in posted, posted)


RUNNER = """import json, sys, time, unittest
sys.path.insert(0, "/autograder/submission")
start, tests = time.time(), []
for number, case in enumerate(c for group in unittest.defaultTestLoader.discover("tests") for suite in group for c in suite):
    result = unittest.TestResult()
    case(result)
    worth = getattr(getattr(case, case._testMethodName), "worth", None)
    entry = {"name": case.shortDescription() or str(case), "number": f"1.{number + 1}", "output": "", "tags": ["x"], "extra_data": {}}
    if worth is not None:
        entry.update(score=worth if result.wasSuccessful() else 0.0, max_score=worth)
    tests.append({**entry, "status": "passed" if result.wasSuccessful() else "failed"})
print("printed beside the results")
json.dump({"tests": tests, "leaderboard": [{"name": "time", "value": 1.5, "order": "asc"}], "visibility": "visible", "stdout_visibility": "visible",
           "execution_time": format(time.time() - start, "0.2f"), "output_format": "md", "score": str(sum(t.get("score", 0) for t in tests))},
          open("/autograder/results/results.json", "w"), indent=4)
"""
UNIT_TESTS = """import unittest
from answer import answer
def worth(points):
    def mark(function):
        function.worth = points
        return function
    return mark
class Test(unittest.TestCase):
    @worth(2)
    def test_answer(self):
        'Answers'
        self.assertEqual(answer(), 42)
    @worth(0.5)
    def test_whole(self):
        'A whole number'
        self.assertIsInstance(answer(), int)
    def test_there(self):
        'It is there'
"""


def shapes(folder):
    """A zip as Windows and Python make them (no modes, owners' modes, CRLF) of what most autograders are: unit tests, relative paths, results as JSON."""
    script = "#!/usr/bin/env bash\r\n\r\ncd source\r\npython3 run_tests.py\r\n"
    t.make_course(folder, 2, "2090-01-01T00:00:00Z", "gradescope: {zip: checks/kit.zip}")
    (folder / "checks").mkdir()
    with zipfile.ZipFile(folder / "checks/kit.zip", "w") as packed:
        bare = zipfile.ZipInfo("run_autograder")
        bare.create_system, bare.external_attr = 0, 0x20
        packed.writestr(bare, script)
        packed.writestr("run_tests.py", RUNNER)  # mode 0600
        packed.writestr("tests/__init__.py", "")
        packed.writestr("tests/test_answer.py", UNIT_TESTS)

    def grade(answer):
        t.write(folder / "work/answer.py", f"def answer():\n    return {answer}\n")
        ended = run("grade", "-c", folder, "-a", "hw1", "--json", folder / "work")
        return json.loads(ended.stdout)["items"][0]["findings"][0] if ended.stdout else {"outcome": ended.stderr}
    found = grade("42")
    claim("a zip without modes runs", found["outcome"] == "pass" and "2.5 of 2.5 points" in found["message"], found)
    claim("and what it shows is shown", "passed: It is there" in found["evidence"] and "printed beside" in found["evidence"], found)
    found = grade("42.5")
    claim("its tests fail by name", found["outcome"] == "fail" and found["message"].endswith("0 of 2.5 points; not passed: Answers, A whole number"), found)


COUNTING = f"""#!/usr/bin/env python3
import json
metadata = json.load(open("/autograder/submission_metadata.json"))
previous = metadata["previous_submissions"]
assert all(set(p) >= {{"submission_time", "score", "autograder_error"}} and not p["autograder_error"] for p in previous)
assert all(("results" in p) == (p is previous[-1]) and p["submission_time"] < metadata["created_at"] for p in previous)
n = previous[-1]["results"]["extra_data"]["n"] + 1 if previous else 1
json.dump({{"score": n, "output": "before: %s." % [p["score"] for p in previous], "extra_data": {{"n": n}}}}, open("{RESULTS}", "w"))
"""


def earlier(folder):
    """Three submissions of one owner: each finds the ones before, and what its autograder wrote down for itself."""
    receiver = t.Receiver()
    kit = Kit(folder / "course", ", threshold: 3").script(COUNTING)
    config = t.make_config(folder, kit.folder, receiver.url)
    child = t.Daemon(config, folder / "log")

    def posted():
        return b"".join(body for effects in list(receiver.effects.values()) for _, _, body in effects).decode()
    child.start()
    try:
        for n in range(3):
            t.write(folder / "inbox/hw1/s0001/answer.txt", f"{n}\n")
            expected = f"before: {list(range(1, n + 1))}."
            t.wait_until(lambda expected=expected: expected in posted(), 120, f"a result with {expected}")
            print(f"ok: an autograder finds {n} earlier submissions and what it wrote down for itself")
    finally:
        child.stop()


run_steps(samples, layout, shapes, endings, limits, hidden, image, mistakes, daemon, earlier)
sys.exit(1 if failed else 0)
