#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rubric box` and `rubric doctor` as people and scripts use them: exit statuses, limits, JSON, binds, environment, input, reports, usage
mistakes, hostile names; and what doctor says of machines that lack something, made by namespaces of our own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from claims import claim, failed  # noqa: E402

RUBRIC = str(pathlib.Path(os.environ["RUBRIC_BIN"]) / "rubric")
ODD = "a b'c\"d;$(touch planted)\n`e`*\\"


def run(*command, stdin=None, folder=None, environment=None):
    return subprocess.run([str(part) for part in command], capture_output=True, stdin=stdin or subprocess.DEVNULL, cwd=folder,
                          env=environment, timeout=120, check=False)


def box(*arguments, **others):
    return run(RUBRIC, "box", "--accept-missing", "all", *arguments, **others)


def status_of(done):
    return json.loads(done.stderr.decode().splitlines()[-1])


def exit_statuses():
    for expected, script in ((0, "true"), (7, "exit 7"), (143, "kill -TERM $$"), (139, "kill -SEGV $$")):
        done = box("--", "sh", "-c", script)
        claim(f"`{script}` ends with {expected}", done.returncode == expected, done)
    claim("a command that is not there ends with 127", box("--", "no-such-command").returncode == 127)
    claim("a file that is no program ends with 126", box("--", "/etc/passwd").returncode == 126)
    done = box("--", "sh", "-c", "printf out; printf err >&2")
    claim("streams are kept apart", done.stdout == b"out" and done.stderr == b"err", done)
    claim("`--` may be left out", box("echo", "here").stdout == b"here\n")


def limits(has_groups):
    cases = [("wall", ["--wall", "400ms"], "sleep 60"), ("cpu", ["--cpu", "200ms"], "while :; do :; done"),
             ("output", ["--output", "1K"], "head -c 5000 /dev/zero"), ("disk", ["--disk", "1M"], "head -c 3000000 /dev/zero >/tmp/x"),
             ("file", ["--file", "64K"], "exec head -c 300000 /dev/zero >/tmp/x")]
    if has_groups:
        cases += [("memory", ["--memory", "48M"], "exec python3 -c 'x = bytearray(200 << 20)'"),
                  ("processes", ["--processes", "4"], "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; exit 1")]
    else:
        print("skipped: limits of memory and processes of a whole box: no control groups here")
    for name, options, script in cases:
        done = box("--json", *options, "--", "sh", "-c", script)
        status = status_of(done)
        claim(f"the {name} limit ends with 124 and is named", done.returncode == 124 and status["limit"] == name and status["end"] == "limit",
              done)
        plain = box(*options, "--", "sh", "-c", script)
        claim(f"the {name} limit is told in a sentence", b"rubric box: the command " in plain.stderr, plain)


def share():
    """Two busy loops with a fiftieth of a processor, less than the busiest machine leaves them."""
    loop = "timeout 1 sh -c 'while :; do :; done' & timeout 1 sh -c 'while :; do :; done' & wait"
    status = status_of(box("--json", "--cpus", "0.02", "--", "sh", "-c", loop))
    if "cgroup-share" in status["missing"]:
        print("skipped: --cpus (no control group with the controller cpu here)")
        done = run(RUBRIC, "box", "--accept-missing", "cgroup-memory,cgroup-processes,cgroup-cpu,landlock,overlay,own-uid", "--cpus", "0.5", "--", "true")
        claim("a box that cannot have its share refuses to run", done.returncode == 3 and b"cgroup-share" in done.stderr, done)
        return
    used_us = status["user_us"] + status["system_us"]
    print(f"    {used_us / status['wall_us']:.2f} processors, held back for {status['throttled_us'] / 1e6:.2f} s")
    claim("--cpus holds a box back", status["throttled_us"] > 0 and used_us < 0.5 * status["wall_us"], status)
    claim("others are not", status_of(box("--json", "--", "true"))["throttled_us"] == 0)


def fields():
    done = box("--json", "--", "sh", "-c", "echo 12345; exit 3")
    status = status_of(done)
    expected = {"end", "exit_code", "signal", "limit", "oom_killed", "hit_processes", "hit_disk", "wall_us", "user_us", "system_us",
                "throttled_us", "peak_memory_bytes", "peak_processes", "stdout_bytes", "stderr_bytes", "missing", "message"}
    claim("--json has its fields", expected <= status.keys(), status)
    claim("--json tells the truth", status["exit_code"] == 3 and status["stdout_bytes"] == 6 and status["end"] == "exited" and
          status["wall_us"] > 0 and status["peak_memory_bytes"] > 0 and isinstance(status["missing"], list), status)
    return not {"cgroup-memory", "cgroup-processes"} & set(status["missing"])


def binds_and_environment(folder):
    shown = folder / "shown"
    shown.mkdir(mode=0o777)
    shown.chmod(0o777)
    (shown / ODD).write_text("odd")
    done = box("--bind", f"{shown}:/shown", "--", "sh", "-c", "cat /shown/*; echo x >/shown/new")
    claim("a bind is shown and cannot be written", done.stdout == b"odd" and done.returncode != 0 and not (shown / "new").exists(), done)
    done = box("-b", f"{shown}:/shown:rw", "--", "sh", "-c", "echo x >/shown/new")
    claim("a bind with rw can be written", done.returncode == 0 and (shown / "new").read_text() == "x\n", done)
    tree = folder / "tree"
    (tree / "bin").mkdir(parents=True)
    if pathlib.Path("/bin/busybox").exists():
        shutil.copy("/bin/busybox", tree / "bin" / "sh")
        done = box("--root", "tree", "--", "sh", "-c", "echo $0; ls / 2>&1; exit 4", folder=folder)
        claim("--root shows a folder's programs alone", done.returncode == 4 and b"usr" not in done.stdout, done)
    claim("a root that is no folder is wrong usage", box("--root", "absent", "--", "true", folder=folder).returncode == 2)
    claim("a relative source is ours", box("-b", "shown:/s", "--", "test", "-e", "/s/new", folder=folder).returncode == 0)
    claim("a source that is not there is our failure", box("-b", f"{folder}/absent:/s", "--", "true").returncode == 3)
    done = box("-e", "A=1", "-e", f"ODD={ODD}", "-e", "HOME=/tmp", "--", "sh", "-c", "printf %s \"$A $HOME $TZ $ODD\"",
               environment={**os.environ, "SECRET": "x"})
    claim("variables are set, defaults kept", done.stdout.decode() == f"1 /tmp UTC {ODD}", done)
    done = box("--", "env", environment={**os.environ, "SECRET": "x"})
    claim("nothing is inherited", b"SECRET" not in done.stdout, done)
    claim("odd arguments arrive", box("--", "printf", "%s", ODD).stdout.decode() == ODD)


def files(folder):
    work = folder / "work"
    work.mkdir()
    work.chmod(0o777)
    (work / "in").write_text("in")
    (work / "in").chmod(0o666)
    script = "cat in; pwd; echo made >out; echo changed >in"
    done = box("-w", work, "--", "sh", "-c", script)
    claim("changes are discarded", done.stdout == b"in/work\n" and not (work / "out").exists() and (work / "in").read_text() == "in", done)
    done = box("-w", work, "--keep", "--", "sh", "-c", script)
    claim("--keep keeps them", done.returncode == 0 and (work / "out").read_text() == "made\n", done)
    done = box("--folder", "/tmp", "--", "pwd")
    claim("--folder is where it runs", done.stdout == b"/tmp\n", done)
    with open(work / "in", "rb") as given:
        claim("-i - passes our own input", box("-i", "-", "--", "cat", stdin=given).stdout == b"changed\n")
    claim("-i FILE is its input", box("-i", work / "in", "--", "cat").stdout == b"changed\n")
    claim("else there is none", box("--", "cat").stdout == b"")
    done = box("-r", f"out:{folder}/copied", "-r", "link:" + str(folder / "linked"), "--", "sh", "-c",
               "echo report >out; ln -s /etc/passwd link", folder=folder)
    claim("a report is copied out", (folder / "copied").read_text() == "report\n", done)
    claim("a link is not, and is told", not (folder / "linked").exists() and b"not a plain file" in done.stderr, done)
    done = box("-r", "x", "--", "sh", "-c", "echo y >x", folder=folder)
    claim("without a name it keeps its own", (folder / "x").read_text() == "y\n", done)


def mistakes(folder):
    for words, arguments in (
            ("no command to run", []), ("is not a time", ["--wall", "soon", "--", "true"]), ("is not a size", ["--memory", "-5M", "--", "true"]),
            ("is not a size", ["--disk", "1e99", "--", "true"]), ("is not a number", ["--processes", "-2", "--", "true"]), ("a number of processors", ["--cpus", "half", "--", "true"]),
            ("at least 0.01", ["--cpus", "0.001", "--", "true"]),
            ("is not SOURCE:", ["--bind", "/tmp", "--", "true"]), ("is not SOURCE:", ["--bind", "/tmp:relative", "--", "true"]),
            ("is not NAME=VALUE", ["--env", "PLAIN", "--", "true"]), ("is not NAME=VALUE", ["--env", "=x", "--", "true"]),
            ("--keep needs", ["--keep", "--", "true"]), ("cannot open the workspace", ["-w", "/no/such", "--", "true"]),
            ("not an absolute path", ["--folder", "here", "--", "true"]), ("cannot open", ["-i", "/no/such", "--", "true"]),
            ("is not one of", ["--accept-missing", "everything", "--", "true"]), ("--network", ["--network", "internet", "--", "true"]),
            ("--profile", ["--profile", "none", "--", "true"]), (" option ", ["--no-such", "--", "true"])):
        done = run(RUBRIC, "box", *arguments, folder=folder)
        claim(f"usage: {arguments}", done.returncode == 2 and words.encode() in done.stderr and not done.stdout, done)


# ---- doctor ---------------------------------------------------------------------------------------------------------


def facts_of(*before, environment=None):
    done = run(*before, RUBRIC, "doctor", "--json", environment=environment)
    facts = {fact["name"]: fact for fact in json.loads(done.stdout)}
    for fact in facts.values():
        claim(f"{fact['name']} has a mend just when it lacks", ("mend" in fact) == (not fact["holds"]), fact)
    lacks = any(fact["required"] and not fact["holds"] for fact in facts.values())
    claim(f"doctor ends with {int(lacks)}", done.returncode == int(lacks), done)
    return facts


def doctor(can_unshare):
    facts = facts_of()
    claim("doctor tells of each layer", {"rubric-box", "rubric-worker", "git", "kernel", "seccomp", "Landlock", "user namespaces", "memory limit",
                                         "process limit", "processor time", "own user", "a box", "overlay"} <= facts.keys(), facts.keys())
    plain = run(RUBRIC, "doctor")
    claim("the table says the same", all((f"{name:16}" in plain.stdout.decode()) for name in facts), plain)
    claim("doctor takes no arguments", run(RUBRIC, "doctor", "--fast").returncode == 2)
    facts = facts_of(environment={**os.environ, "PATH": "/nonexistent"})
    claim("git that is not there is told", not facts["git"]["holds"] and "apt-get install git" in facts["git"]["mend"], facts["git"])
    if not can_unshare:
        print("skipped: machines that lack something: no user namespaces here")
        return
    facts = facts_of("unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh")
    lack = facts["user namespaces"]
    claim("no user namespaces: told, with the setting", not lack["holds"] and "user.max_user_namespaces=" in lack["mend"], lack)
    claim("no user namespaces: no box", not facts["a box"]["holds"], facts["a box"])
    facts = facts_of("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh")
    lack = facts["memory limit"]
    claim("no control groups: told, with a command, and boxes run", not lack["holds"] and lack["mend"] and facts["a box"]["holds"], facts)
    facts = facts_of("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                     'mkdir -p "$1/root" && mount --rbind / "$1/root" && shift && exec chroot "$0/root" "$@"', os.environ["SCRATCH"],
                     os.environ["SCRATCH"])
    lack = facts["user namespaces"]
    claim("a chroot: told in words", lack["holds"] or "chroot" in lack["mend"], lack)
    if os.geteuid() == 0:
        facts = facts_of("setpriv", "--reuid", "60236", "--regid", "60236", "--clear-groups")
        claim("an ordinary user: the range of ids", "/etc/subuid" in facts["own user"].get("mend", ""), facts["own user"])
        claim("an ordinary user: boxes run", facts["a box"]["holds"], facts["a box"])


def main():
    with tempfile.TemporaryDirectory(prefix="rubric-cli-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        os.environ["SCRATCH"] = str(folder / "scratch")
        probe = box("--", "true")
        if probe.returncode != 0:
            print(f"skipped: no box can be made here: {probe.stderr.decode()}")
            return 77
        exit_statuses()
        limits(fields())
        share()
        binds_and_environment(folder)
        files(folder)
        mistakes(folder)
        claim("nothing odd was run by a shell of ours", not list(folder.rglob("planted")) and not pathlib.Path("planted").exists())
        doctor(run("unshare", "--user", "--map-root-user", "true").returncode == 0)
    print(f"{len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
