#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rubric image` and `rubric box --image`: both formats, all compressions, whiteouts; and images that lie or attack."""
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
import image_made as made  # noqa: E402
from claims import claim, failed  # noqa: E402

RUBRIC = str(pathlib.Path(os.environ["RUBRIC_BIN"]) / "rubric")
BUSYBOX = pathlib.Path("/bin/busybox")


class Shelf:
    def __init__(self, folder):
        self.folder, self.images, self.n = folder, folder / "images", 0

    def run(self, *command):
        return subprocess.run([RUBRIC, *map(str, command)], capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
                              env={**os.environ, "RUBRIC_IMAGES": str(self.images)})

    def box(self, *arguments):
        return self.run("box", "--accept-missing", "all", *arguments)

    def path(self):
        self.n += 1
        return self.folder / f"image-{self.n}.tar"

    def add_docker(self, *layers, options=(), **more):
        path = self.path()
        made.docker_archive(path, layers, **more)
        return self.run("image", "import", path, *options)

    def add_oci(self, *layers, options=(), **more):
        path = self.path()
        made.write_members(path, made.oci_members(layers, **more))
        return self.run("image", "import", path, *options)

    def left(self):
        return sorted(entry.name for entry in self.images.iterdir()) if self.images.exists() else []


def system():
    """A base with programs, one that is taken away, and a folder that the next layer replaces."""
    names = ["sh", "cat", "ls", "pwd", "touch", "id"]
    base = made.layer(made.folder("bin"), made.file("bin/busybox", BUSYBOX.read_bytes(), 0o755), *[made.link(f"bin/{name}", "busybox") for name in names],
                      made.folder("etc"), made.file("etc/hosts", "10.0.0.1 build\n"), made.file("etc/kept", "kept\n"),
                      made.file("etc/gone", "gone\n"), made.folder("opt"), made.file("opt/old", "old\n"), made.folder("var"), made.folder("var/tmp"))
    top = made.layer(made.folder("app", 0o700), made.file("app/data", "data\n", 0o600), made.file("etc/.wh.gone"),
                     made.file("opt/new", "new\n"), made.file("opt/.wh..wh..opq"), made.link("app/again", "app/data", tarfile.LNKTYPE),
                     made.file("app/set", "", 0o4755), made.special("app/pipe", tarfile.FIFOTYPE), made.special("app/disk", tarfile.BLKTYPE))
    return base, top


SCRIPT = "pwd; cat data again; ls /etc /opt; echo $COLOUR $PATH; cat /etc/hosts; touch /app/x 2>/dev/null || echo read-only; id -u"
PRINTED = b"""/app
data
data
/etc:
hosts
kept

/opt:
new
red /bin
127.0.0.1 localhost box
::1 localhost box
read-only
1000
"""


def formats(shelf):
    base, top = system()
    image = {"env": ["PATH=/bin", "COLOUR=red"], "folder_name": "/app"}
    done = shelf.add_docker(base, top, top, **image)
    claim("a docker archive is imported, a layer that comes twice by its link", done.returncode == 0 and done.stdout.startswith(b"tiny-1 "), done)
    claim("what was left out is said", b"devices, pipes or sockets were left out" in done.stderr and b"set-user-id" in done.stderr, done)
    for how in "none", "gzip", "zstd":
        done = shelf.add_oci(base, top, how=how, nested=how == "zstd", options=["--name", f"oci-{how}", "--json"], **image)
        claim(f"an OCI archive with layers packed by {how}", done.returncode == 0 and json.loads(done.stdout)["layers"] == 2, done)
    layout = shelf.folder / "layout"
    for name, data in made.oci_members((base, top), **image).items():
        (layout / name).parent.mkdir(parents=True, exist_ok=True)
        (layout / name).write_bytes(data)
    claim("an OCI layout folder", shelf.run("image", "import", layout, "-n", "layout").returncode == 0)
    for name in "tiny-1", "oci-none", "oci-gzip", "oci-zstd", "layout":
        done = shelf.box("--image", name, "--", "sh", "-c", SCRIPT)
        claim(f"a box in {name} has its files, environment and folder", done.stdout == PRINTED, done)
    done = shelf.box("--image", "layout", "-e", "COLOUR=blue", "--folder", "/", "--", "sh", "-c", "echo $COLOUR $PATH; pwd")
    claim("--env and --folder come before the image's", done.stdout == b"blue /bin\n/\n", done)
    done = shelf.add_docker(base, made.layer(made.hole("hole", 1 << 20)), tag="holes:1", env=["PATH=/bin"])
    claim("a hole at a file's end is part of the file", shelf.box("--image", "holes-1", "--", "ls", "-l", "/hole").stdout.split()[4:5] == [b"1048576"], done)
    shelf.run("image", "remove", "holes-1")
    claim("nothing set-id is there", not any(path.lstat().st_mode & 0o6000 for path in shelf.images.rglob("*") if path.is_file()))


def shelf_commands(shelf):
    done = shelf.run("image", "list")
    names = [line.split()[0] for line in done.stdout.decode().splitlines()]
    claim("list names them in order", names == ["layout", "oci-gzip", "oci-none", "oci-zstd", "tiny-1"], done)
    done = shelf.run("image", "list", "--json")
    claim("the same image has the same digest in each format that keeps its layers", len({json.loads(line)["digest"] for line in done.stdout.splitlines()}) == 2, done)
    base, top = system()
    done = shelf.add_docker(base, top)
    claim("a name that is taken is refused", done.returncode == 1 and b"--replace" in done.stderr, done)
    done = shelf.add_docker(base, tag="course/tiny:1", options=["--replace"], env=["PATH=/bin"])
    claim("--replace replaces it", done.returncode == 0 and shelf.box("--image", "tiny-1", "--", "ls", "/etc").stdout == b"gone\nhosts\nkept\n", done)
    claim("remove removes it", shelf.run("image", "remove", "tiny-1").returncode == 0 and "tiny-1" not in shelf.left())
    done = shelf.box("--image", "tiny-1", "--", "true")
    claim("a box in an image that is not there names those that are", done.returncode == 2 and b"there are: layout, oci-gzip" in done.stderr, done)
    claim("remove of what is not there", shelf.run("image", "remove", "../images/layout").returncode == 1)
    claim("wrong usage", shelf.run("image", "import").returncode == 2 and shelf.run("image", "import", "/dev/null", "--name", "../x").returncode == 2)


def hostile_layers():
    """What is said, and the layers that make us say it."""
    yield "is absolute", [made.layer(made.file("/etc/cron.d/planted", "x"))]
    yield "leads out", [made.layer(made.file("a/../../planted", "x"))]
    yield "through a link", [made.layer(made.link("out", "/tmp"), made.file("out/planted", "x"))]
    yield "through a link", [made.layer(made.link("out", "/tmp")), made.layer(made.file("out/planted", "x"))]
    yield "through a link", [made.layer(made.link("out", "/tmp")), made.layer(made.file("out/.wh.x"))]
    yield "hard link", [made.layer(made.link("passwd", "/etc/passwd", tarfile.LNKTYPE))]
    yield "hard link", [made.layer(made.link("passwd", "../../etc/passwd", tarfile.LNKTYPE))]
    yield "hard link", [made.layer(made.link("out", "/etc"), made.link("passwd", "out/passwd", tarfile.LNKTYPE))]
    yield "takes nothing away", [made.layer(made.file("a/.wh.."))]
    yield "too deep", [made.layer(made.file("/".join(["a"] * 200), "x"))]
    yield "leads out", [made.layer(made.file("../.wh.etc"))]
    yield "takes nothing away", [made.layer(made.file("a/.wh.."), made.file("a/b", "x"))]
    yield "takes nothing away", [made.layer(made.file(".wh..."))]
    yield "through a link", [made.layer(made.link("out", "/tmp")), made.layer(made.file("out/.wh..wh..opq"))]
    yield "hard link", [made.layer(made.link("a", "a", tarfile.LNKTYPE))]
    yield "hard link", [made.layer(made.folder("d"), made.link("a", "d", tarfile.LNKTYPE))]
    yield "larger than is allowed", [made.layer(made.sparse("big", 1 << 40))]
    yield "larger than is allowed", [made.layer(*[made.sparse(f"big-{i}", 20 << 30) for i in range(2)])]
    yield "larger than is allowed", [made.layer(made.hole("big", 1 << 40))]
    yield "damaged", [made.layer(made.file("a", "x" * 4096))[:2048]]


def hostile(shelf):
    before = shelf.left()
    for words, layers in hostile_layers():
        done = shelf.add_docker(*layers)
        claim(f"refused: {words}", done.returncode == 1 and words.encode() in done.stderr, done)
    done = shelf.add_docker(made.layer(made.link("a", "/etc/passwd"), made.file("a", "mine")), options=["--name", "replaced"])
    path = shelf.images / "replaced" / "root" / "a"
    claim("a file over a link replaces the link", done.returncode == 0 and not path.is_symlink() and path.read_text() == "mine", done)
    shelf.run("image", "remove", "replaced")
    twice = made.layer(made.file("a", "first"), made.file("a", "second"), made.folder("d"), made.file("d", "file"), made.file("e", "x"), made.folder("e"),
                       made.special("pipe", tarfile.FIFOTYPE), made.special("disk", tarfile.BLKTYPE), made.link("abs", "/etc/passwd"))
    done = shelf.add_docker(twice, options=["--name", "twice"])
    root = shelf.images / "twice" / "root"
    claim("of entries of one name the last one counts", done.returncode == 0 and (root / "a").read_text() == "second" and (root / "d").is_file() and
          (root / "e").is_dir(), done)
    claim("an absolute link stays a link, devices and pipes stay out", (root / "abs").is_symlink() and not (root / "pipe").exists() and
          not (root / "disk").exists())
    shelf.run("image", "remove", "twice")
    claim("nothing is left of what was refused", shelf.left() == before, shelf.left())
    claim("nothing was planted", not list(pathlib.Path("/tmp").glob("planted")))


def liars(shelf):
    good = made.layer(made.file("a", "a"))

    def other_layer(members):
        members[f"{0:064x}/layer.tar"] = made.layer(made.file("a", "b"))

    def other_config(members):
        name = next(name for name in members if name.endswith(".json") and len(name) == 69)
        members[name] = members[name].replace(b"linux", b"Linux")

    def no_layer(members):
        del members[f"{0:064x}/layer.tar"]

    def two_images(members):
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) * 2).encode()

    def endless_link(members):
        members[f"{0:064x}/layer.tar"] = "layer.tar"

    for words, change in (("digest is", other_layer), ("configuration is not", other_config), ("not in it", no_layer), ("2 images", two_images),
                          ("not in it", endless_link)):
        done = shelf.add_docker(good, change=change)
        claim(f"refused: {change.__name__}", done.returncode == 1 and words.encode() in done.stderr, done)
    members = made.oci_members((good,))
    for name in [name for name in members if name.startswith("blobs/")]:
        path = shelf.path()
        made.write_members(path, {**members, name: members[name] + b" "})
        done = shelf.run("image", "import", path)
        claim("refused: a blob that is not what its name says", done.returncode == 1 and b"is not what its name says" in done.stderr, done)
    done = shelf.add_docker(good, architecture="s390x")
    claim("refused: for another machine", done.returncode == 1 and b"is for s390x" in done.stderr, done)
    path = shelf.path()
    path.write_bytes(b"no archive")
    claim("refused: no archive", shelf.run("image", "import", path).returncode == 1)
    made.write_members(path, {"hello": b"x"})
    done = shelf.run("image", "import", path)
    claim("refused: no image", done.returncode == 1 and b"neither manifest.json nor index.json" in done.stderr, done)
    claim("a file that is not there", shelf.run("image", "import", shelf.folder / "absent").returncode == 1)


def interrupted(shelf):
    """An import that is killed leaves what the next one takes away; one that runs is left alone."""
    path, pipe = shelf.path(), shelf.folder / "pipe"
    made.docker_archive(path, [made.layer(made.file("a", os.urandom(1 << 20)))], tag="late:1")
    data = path.read_bytes()
    os.mkfifo(pipe)

    def start():
        worker = subprocess.Popen([RUBRIC, "image", "import", str(pipe)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env={**os.environ, "RUBRIC_IMAGES": str(shelf.images)})
        end = open(pipe, "wb", buffering=0)
        end.write(data[: len(data) // 2])
        return worker, end

    def unfinished():
        return {name for name in shelf.left() if name.startswith(".new-")}

    killed, end = start()
    left = unfinished()
    killed.kill()
    killed.communicate()
    end.close()
    claim("a killed import leaves its folder", len(left) == 1 and unfinished() == left, left)
    running, end = start()
    claim("the next one takes it away", left.isdisjoint(unfinished()) and len(unfinished()) == 1, shelf.left())
    done = shelf.add_docker(made.layer(made.file("b", "b")), tag="other:1")
    claim("and leaves one alone that runs", done.returncode == 0 and len(unfinished()) == 1, shelf.left())
    end.write(data[len(data) // 2:])
    end.close()
    said = running.communicate(timeout=120)[1]
    claim("which ends well", running.returncode == 0 and "late-1" in shelf.left() and not unfinished(), (said, shelf.left()))
    (shelf.images / ".new-planted").symlink_to("/tmp")
    claim("a link of that name is not followed", shelf.run("image", "remove", "late-1").returncode == 0 and pathlib.Path("/tmp").is_dir() and
          (shelf.images / ".new-planted").is_symlink())
    (shelf.images / ".new-planted").unlink()


RUBRIC_TEXT = """
rubric: a1
title: A1
image: %s
items:
  - {id: inside, points: 1, title: T, passes: p, check: {run: {command: [/bin/sh, -c, "cat /app/data; echo $COLOUR"], stdout: "data\\nred\\n"}}}
  - {id: host, points: 1, title: T, passes: p, check: {run: {command: "test -e /usr/bin/python3 -o -e /usr/bin/env", image: host}}}
  - {id: absent, points: 1, title: T, passes: p, check: {run: {command: "true", image: nowhere}}}
"""


def rubrics(shelf):
    """A course whose rubric names an image: what a check finds inside, what the verdict says, what `rubric check` reports."""
    added = shelf.add_docker(*system(), options=("--name", "course"), env=["COLOUR=red", "PATH=/bin"])
    course, work = shelf.folder / "course", shelf.folder / "work"
    (course / "rubrics").mkdir(parents=True)
    work.mkdir()
    (course / "course.yaml").write_text('course: c\ntitle: C\ntimezone: UTC\nassignments:\n  a1: {title: A, deadline: "2022-09-07 12:00"}\n')
    (course / "roster.csv").write_text("id,name,email,status\nann,Ann,ann@x.example,student\n")
    (course / "rubrics/a1.yaml").write_text(RUBRIC_TEXT % "course")
    digest = next(image["digest"] for image in map(json.loads, shelf.run("image", "list", "--json").stdout.splitlines()) if image["name"] == "course")
    claim("an image for a course", added.returncode == 0 and digest.startswith("sha256:"), added)
    done = shelf.run("check", course)
    claim("rubric check wants a digest", f'a1.yaml:4:8: warning: image: another import of "course" would change verdicts unseen; write "course@{digest}"'
          in done.stdout.decode() + done.stderr.decode(), done)
    claim("rubric check misses an image", 'error: image: there is no image "nowhere"' in done.stdout.decode() + done.stderr.decode() and done.returncode == 1,
          done)
    done = shelf.run("grade", "-c", course, "-a", "a1", "--staff", "--json", work)
    verdict = json.loads(done.stdout)
    found = {item["id"]: item["findings"][0] for item in verdict["items"]}
    claim("a check runs in the image", found["inside"]["outcome"] == "pass", found["inside"])
    claim("and another one on the host", found["host"]["outcome"] == "pass", found["host"])
    claim("a missing image is an error", found["absent"]["outcome"] == "error" and 'there is no image "nowhere"' in found["absent"]["message"], found)
    claim("the verdict names the image", f" course:{digest}" in json.dumps(verdict), done.stdout)
    (course / "rubrics/a1.yaml").write_text(RUBRIC_TEXT % ("course@sha256:" + "0" * 64))
    done = shelf.run("check", course)
    claim("rubric check sees another image", f'"course" is {digest} on this machine' in done.stdout.decode() + done.stderr.decode(), done)
    found = json.loads(shelf.run("grade", "-c", course, "-a", "a1", "--staff", "--json", work).stdout)["items"][0]["findings"][0]
    claim("another image than the rubric's is an error", found["outcome"] == "error" and "but the rubric wants" in found["message"], found)


def main():
    if not BUSYBOX.exists():
        print("skipped: there is no /bin/busybox (package busybox-static)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(pathlib.Path(folder))
        if shelf.box("--", "true").returncode != 0:
            print("skipped: no box can be made here")
            return 77
        formats(shelf)
        shelf_commands(shelf)
        hostile(shelf)
        liars(shelf)
        interrupted(shelf)
        rubrics(shelf)
    return 1 if failed else 0


sys.exit(main())
