#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images that real tools wrote: umoci makes one of two layers, skopeo writes it as an archive in each format; all are the same to us."""
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
BUSYBOX = pathlib.Path("/bin/busybox")
SCRIPT = "pwd; cat first second linked; ls /data; echo $COURSE"
PRINTED = b"/data\nhard\nhard\nhard\nfirst\nlinked\nnew\nsecond\nml\n"


def tool(*command, cwd):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")


def change(folder, work):
    """One more layer: what `work` does to the unpacked root."""
    tool("umoci", "unpack", "--rootless", "--image", "layout:made", "bundle", cwd=folder)
    work(folder / "bundle/rootfs")
    tool("umoci", "repack", "--image", "layout:made", "bundle", cwd=folder)
    tool("chmod", "-R", "u+rwx", "bundle", cwd=folder)
    shutil.rmtree(folder / "bundle")


def first_layer(root):
    (root / "bin").mkdir()
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for name in "sh", "cat", "ls":
        (root / "bin" / name).symlink_to("busybox")
    (root / "data/gone").mkdir(parents=True)
    (root / "data/gone/file").write_text("gone\n")
    (root / "data/removed").write_text("removed\n")
    (root / "data/first").write_text("hard\n")
    os.link(root / "data/first", root / "data/second")
    (root / "data/linked").symlink_to("first")


def second_layer(root):
    shutil.rmtree(root / "data/gone")
    (root / "data/removed").unlink()
    (root / "data/new").write_text("new\n")


def make(folder):
    tool("umoci", "init", "--layout", "layout", cwd=folder)
    tool("umoci", "new", "--image", "layout:made", cwd=folder)
    change(folder, first_layer)
    change(folder, second_layer)
    tool("umoci", "config", "--image", "layout:made", "--config.env", "COURSE=ml", "--config.env", "PATH=/bin", "--config.workingdir", "/data", cwd=folder)
    tool("tar", "-C", "layout", "-cf", "umoci.tar", ".", cwd=folder)
    (folder / "trust.json").write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    copy = ["skopeo", "--policy", "trust.json", "--tmpdir", folder, "copy", "-q"]
    tool(*copy, "oci:layout:made", "oci-archive:oci.tar:made", cwd=folder)
    tool(*copy, "oci:layout:made", "docker-archive:docker.tar:course/made:1", cwd=folder)
    tool(*copy, "oci:layout:made", "dir:plain", "--dest-decompress", cwd=folder)
    tool(*copy, "dir:plain", "oci-archive:zstd.tar:made", "--dest-compress-format", "zstd", cwd=folder)


def rubric(folder, *command):
    return subprocess.run([RUBRIC, *map(str, command)], capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
                          env={**os.environ, "RUBRIC_IMAGES": str(folder / "images")})


def try_archive(folder, image):
    done = rubric(folder, "image", "import", folder / f"{image}.tar", "-n", image, "--json")
    layers = json.loads(done.stdout)["layers"] if done.returncode == 0 else 0
    claim(f"{image}.tar is imported, with both layers", layers == 2, done)
    done = rubric(folder, "box", "--accept-missing", "all", "--image", image, "--", "sh", "-c", SCRIPT)
    claim(f"a box in {image} has what both layers left, environment and folder", done.stdout == PRINTED, done)


def main():
    missing = [name for name in ("umoci", "skopeo", "busybox") if not shutil.which(name)]
    if missing:
        print(f"skipped: not installed: {', '.join(missing)}")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        if rubric(folder, "box", "--accept-missing", "all", "--", "true").returncode != 0:
            print("skipped: no box can be made here")
            return 77
        make(folder)
        for image in "umoci", "oci", "docker", "zstd":
            try_archive(folder, image)
        kinds = subprocess.run(["tar", "-xOf", folder / "zstd.tar", "--wildcards", "blobs/sha256/*"], capture_output=True, check=True).stdout
        claim("the last one's layers are packed by zstd", b"tar+zstd" in kinds)
    return 1 if failed else 0


sys.exit(main())
