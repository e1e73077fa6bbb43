#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""setup.sh of a Gradescope autograder: run once, shown to all submissions, and what becomes of one that fails or is killed."""
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
import image_made as made  # noqa: E402
import rubricd_testing as t  # noqa: E402
from boxes import serve  # noqa: E402
from claims import claim, failed, run_steps  # noqa: E402


def run(*command):
    return subprocess.run([t.programs() / "rubric", *map(str, command)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=400, check=False)


class Kit:
    """A course of one item that runs a folder as Gradescope autograder, and images of its own."""

    def __init__(self, folder, settings="", setup="true\n", run_autograder="pass\n"):
        self.folder, self.kit, self.images = folder, folder / "checks/kit", folder / "images"
        t.make_course(folder, 2, "2090-01-01T00:00:00Z", f"gradescope: {{zip: checks/kit{settings}}}")
        t.write(folder / "work/answer.txt", "42\n")
        t.write(self.kit / "setup.sh", "#!/usr/bin/env bash\n" + setup)
        passes = """echo '{"score": 1, "tests": [{"score": 1, "max_score": 1}]}' > /autograder/results/results.json\n"""
        t.write(self.kit / "run_autograder", "#!/bin/sh\nset -e\n" + run_autograder.replace("pass\n", passes))

    def command(self):
        return [t.programs() / "rubric", "grade", "-c", self.folder, "-a", "hw1", "--staff", "--json", self.folder / "work"]

    def finding(self, ended):
        if not ended.stdout:
            return {"outcome": "none", "message": ended.stderr, "figures": {}}
        item = json.loads(ended.stdout)["items"][0]
        return {"outcome": item["outcome"], "figures": {}, **item["findings"][0]}

    def grade(self):
        os.environ["RUBRIC_IMAGES"] = str(self.images)
        return self.finding(subprocess.run(self.command(), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=400, check=False))

    def setups(self):
        folder = self.images / ".setups"
        return sorted(entry.name for entry in folder.iterdir() if entry.name != ".lock") if folder.exists() else []


def small_image(kit):
    """An image of busybox for a kit: there are no thousands of folders to lay an overlay over."""
    names = ["sh", "cat", "cp", "chmod", "grep", "head", "id", "ln", "ls", "mkdir", "rm", "sed", "sleep", "test", "touch", "true"]
    layer = made.layer(made.folder("bin"), made.file("bin/busybox", pathlib.Path("/bin/busybox").read_bytes(), 0o755), made.folder("root"),
                       made.file("root/of-image", "1\n"), made.folder("usr"), made.folder("usr/share"), made.file("usr/share/old", "old\n"),
                       made.folder("etc"), made.file("etc/kit.conf", "of the image\n"), *[made.link(f"bin/{name}", "busybox") for name in names])
    made.docker_archive(kit.folder / "image.tar", [layer], env=["PATH=/bin"])
    os.environ["RUBRIC_IMAGES"] = str(kit.images)
    imported = run("image", "import", kit.folder / "image.tar", "--name", "course-2026")
    if imported.returncode != 0:
        raise SystemExit(imported.stderr)
    return kit


SMALL = ", image: course-2026"


def was_made(found):
    return found["figures"].get("setup", {}).get("made_now")


def once(folder):
    """What such scripts do to the system around them is there for each submission; the script is not run again."""
    kit = Kit(folder, setup="""set -e
test "$(id -u)" = 0; test "$PWD" = /autograder; test -f source/data.txt
test -z "$(ls -A /work)"; test ! -e /autograder/submission/answer.txt
apt-get update
apt-get install -y --no-install-recommends bash coreutils
cp source/data.txt /usr/local/share/; mkdir -p /opt/tool /usr/local/share/deep/deeper; echo x > /usr/local/share/deep/deeper/file
printf '#!/bin/sh\\necho the tool\\n' > /usr/local/bin/kit-tool; chmod +x /usr/local/bin/kit-tool
ln -s /usr/bin/env /usr/bin/kit-env
echo colour=red > /etc/kit.conf; echo '127.0.0.9 judge' >> /etc/hosts
echo kept > /root/.kept; umask 077; echo private > /opt/tool/private
cd /autograder/source; echo built > built.txt; mkdir ../empty
""", run_autograder="""test "$(kit-tool)" = 'the tool'; test "$(cat /usr/local/share/data.txt)" = data; kit-env true
grep -q red /etc/kit.conf; grep -q judge /etc/hosts; test -f /usr/local/share/deep/deeper/file
test "$(cat /root/.kept)" = kept; test "$(cat /opt/tool/private)" = private
test "$(cat /autograder/source/built.txt)" = built; test -d /autograder/empty
test "$(cat /autograder/submission/answer.txt)" = 42
test ! -e /root/left; echo x > /root/left; echo x > /autograder/source/left
ls /usr/bin > /dev/null
pass
""")
    t.write(kit.kit / "data.txt", "data\n")
    first, second = kit.grade(), kit.grade()
    claim("setup.sh changes the system that the autograder finds", first["outcome"] == "pass", first)
    claim("it is run once", was_made(first) is True and was_made(second) is False and second["outcome"] == "pass", (first, second))
    claim("and one thing is kept", len(kit.setups()) == 1, kit.setups())
    kept = kit.images / ".setups" / kit.setups()[0] / "root"
    claim("of the system only what was made", {entry.name for entry in (kept / "usr").iterdir()} == {"local", "bin"}, list((kept / "usr").iterdir()))
    t.write(kit.kit / "data.txt", "data\n\n")
    t.write(kit.kit / "run_autograder", (kit.kit / "run_autograder").read_text() + "# another\n")
    third = kit.grade()
    claim("another kit is another setup", was_made(third) is True and len(kit.setups()) == 2, third)


def wheel(folder):
    """pip install of a requirements.txt, without a network."""
    if subprocess.run(["/usr/bin/python3", "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        print("skipped: pip install in setup.sh (/usr/bin/python3 has no pip here)")
        return
    kit = Kit(folder, setup="apt-get install -y python3\n/usr/bin/python3 -m pip install --no-index --find-links source -r source/requirements.txt\n",
              run_autograder="/usr/bin/python3 -c 'import judgekit; assert judgekit.__file__.startswith(\"/usr/local/\")'\npass\n")
    t.write(kit.kit / "requirements.txt", "judgekit==1.0\n")
    name = "judgekit-1.0.dist-info/"
    with zipfile.ZipFile(kit.kit / "judgekit-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr("judgekit.py", "")
        packed.writestr(name + "METADATA", "Metadata-Version: 2.1\nName: judgekit\nVersion: 1.0\n")
        packed.writestr(name + "WHEEL", "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(name + "RECORD", f"judgekit.py,,\n{name}METADATA,,\n{name}WHEEL,,\n{name}RECORD,,\n")
    found = kit.grade()
    claim("pip installs beside the packages of the system", found["outcome"] == "pass", found)


def at_once(folder):
    kit = small_image(Kit(folder, SMALL, setup="sleep 1\n"))
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: kit.grade(), range(2)))
    claim("two at once: it is run once", sorted(map(was_made, found)) == [False, True] and len(kit.setups()) == 1, found)


def is_running(token):
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and token in pathlib.Path(f"/proc/{entry}/cmdline").read_bytes():
                return True
        except OSError:
            pass
    return False


def killed(folder):
    kit = small_image(Kit(folder, SMALL, setup="echo half > /usr/half; sleep 4.0625\necho whole > /usr/whole\n", run_autograder="cat /usr/whole\npass\n"))
    with subprocess.Popen(kit.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as child:
        t.wait_until(lambda: is_running(b"4.0625"), 60, "setup.sh runs")
        child.send_signal(signal.SIGKILL)
    t.wait_until(lambda: not is_running(b"4.0625"), 20, "setup.sh dies with who wanted it")
    claim("a killed setup leaves nothing", kit.setups() == [], kit.setups())
    found = kit.grade()
    claim("and is made again", found["outcome"] == "pass" and was_made(found) is True, found)
    (kit.images / ".setups/.new-AAAAAA/setup/root").mkdir(parents=True)
    other = Kit(folder / "other", SMALL, setup="true\n")
    other.images = kit.images
    other.grade()
    claim("what a killed one left half copied is swept away", ".new-AAAAAA" not in kit.setups() and len(kit.setups()) == 2, kit.setups())


def fails(folder):
    kit = Kit(folder, setup="echo words of setup\napt-get install -y bash no-such-package\n")
    found = kit.grade()
    claim("setup.sh that fails is an error, and not the student's", found["outcome"] == "error" and "setup.sh failed" in found["message"], found)
    claim("staff see what it printed, and what is lacking", "words of setup" in found["evidence"] and "no-such-package\n" in found["evidence"], found)
    again = kit.grade()
    claim("the next submission does not run it again at once", again.get("evidence") == found["evidence"] and len(kit.setups()) == 1, again)
    public = run("grade", "-c", folder, "-a", "hw1", "--json", folder / "work").stdout
    claim("students do not see it", "words of setup" not in public and '"error"' in public, public)
    t.write(folder / "samples/hw1/good/answer.txt", "42\n")
    t.write(folder / "samples/hw1/good.expect.yaml", "items: {answer: pass}\n")
    tested = run("test", folder)
    claim("rubric test shows it to who wrote it", tested.returncode == 1 and "| words of setup" in tested.stdout, tested.stdout + tested.stderr)
    text = run("grade", "-c", folder, "-a", "hw1", "--staff", folder / "work").stdout
    claim("an error is told once", text.count("setup.sh failed") == 1, text)


def skipped(folder):
    found = Kit(folder, ", setup: skip", setup="exit 1\n").grade()
    claim("setup: skip runs none", found["outcome"] == "pass" and was_made(found) is None, found)


def hosts(folder):
    server = serve()
    fetch = f"""python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:{server.server_port}/page").read().decode())' > /usr/local/page\n"""
    setup = "set -e\nexport no_proxy= NO_PROXY=\n" + fetch
    found = Kit(folder / "open", f', setup: {{hosts: ["127.0.0.1:{server.server_port}"]}}', setup, "grep 'from the host' /usr/local/page\npass\n").grade()
    claim("setup.sh reaches the hosts that the rubric names", found["outcome"] == "pass" and server.paths == ["/page"], (found, server.paths))
    found = Kit(folder / "shut", "", setup).grade()
    claim("and nothing where it names none", found["outcome"] == "error" and server.paths == ["/page"], (found, server.paths))
    checked = run("check", Kit(folder / "each", ', setup: {hosts: ["{team.host}:80"]}').folder)
    claim("hosts that depend on a submission are refused", checked.returncode == 1 and "cannot depend on a submission" in checked.stdout + checked.stderr,
          checked.stdout + checked.stderr)


def image(folder):
    kit = small_image(Kit(folder, SMALL, setup="""set -e
cat /root/of-image; echo new > /usr/share/new; echo x > /bin/kit-file; rm /usr/share/old; echo changed > /usr/share/old
rm /etc/kit.conf; echo changed > /etc/kit.conf; mkdir /opt/x; echo 2 > /root/of-setup
""", run_autograder="""test "$(cat /usr/share/new)" = new; test -f /bin/kit-file; test -d /opt/x; test "$(cat /usr/share/old)" = changed
test "$(cat /etc/kit.conf)" = changed; test "$(cat /root/of-image)" = 1; test "$(cat /root/of-setup)" = 2; touch /root/x
pass
"""))
    found = kit.grade()
    claim("setup.sh adds to an image", found["outcome"] == "pass" and was_made(found), found)
    claim("which stays as it was", (kit.images / "course-2026/root/usr/share/old").read_text() == "old\n" and len(kit.setups()) == 1)
    removed = run("image", "remove", "course-2026")
    claim("and goes with it", removed.returncode == 0 and kit.setups() == [], (removed.stderr, kit.setups()))


run_steps(once, wheel, at_once, killed, fails, skipped, hosts, image)
sys.exit(1 if failed else 0)
