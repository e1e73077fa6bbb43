# SPDX-License-Identifier: Apache-2.0
"""Images as `docker save` and `podman save` write them, made without either: layers are lists of entries, good or hostile."""
import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def folder(name, mode=0o755):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry, b""


def file(name, text=b"", mode=0o644):
    entry = tarfile.TarInfo(name)
    data = text.encode() if isinstance(text, str) else text
    entry.size, entry.mode, entry.mtime = len(data), mode, 1700000000
    return entry, data


def link(name, target, kind=tarfile.SYMTYPE):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


def special(name, kind):
    entry = tarfile.TarInfo(name)
    entry.type = kind
    return entry, b""


def sparse(name, size):
    """A file of that size with one byte at its end, in the format of GNU tar 1.0."""
    entry = tarfile.TarInfo(f"GNUSparseFile.0/{name}")
    data = f"1\n{size - 1}\n1\n".encode().ljust(512, b"\0") + b"x"
    entry.size = len(data)
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": str(size)}
    return entry, data


def hole(name, size):
    """A file of that size that is nothing but a hole."""
    entry = tarfile.TarInfo(f"GNUSparseFile.0/{name}")
    data = f"1\n{size}\n0\n".encode().ljust(512, b"\0")
    entry.size = len(data)
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": str(size)}
    return entry, data


def layer(*entries, form=tarfile.PAX_FORMAT):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
        for entry, data in entries:
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def pack(data, how):
    if how == "gzip":
        return gzip.compress(data)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def config_of(layers, env=(), folder_name="", architecture=ARCHITECTURE):
    return json.dumps({"architecture": architecture, "os": "linux", "config": {"Env": list(env), "WorkingDir": folder_name},
                       "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(data) for data in layers]}}).encode()


def write_members(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(data, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, data
                tar.addfile(entry)
            else:
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))


def docker_archive(path, layers, tag="course/tiny:1", change=None, **options):
    """The older format: a folder a layer, and a link where one comes twice."""
    config = config_of(layers, **options)
    members, names = {}, []
    for i, data in enumerate(layers):
        name = f"{i:064x}/layer.tar"
        twin = next((other for other in names if members[other] == data), None)
        members[name] = f"../{twin}" if twin else data
        names.append(name)
    members[f"{sha256(config)}.json"] = config
    members["manifest.json"] = json.dumps([{"Config": f"{sha256(config)}.json", "RepoTags": [tag] if tag else None, "Layers": names}]).encode()
    if change:
        change(members)
    write_members(path, members)


def oci_members(layers, how="gzip", tag="tiny:1", nested=False, **options):
    blobs = {}

    def blob(data, kind, **more):
        blobs[f"blobs/sha256/{sha256(data)}"] = data
        return {"mediaType": kind, "digest": "sha256:" + sha256(data), "size": len(data), **more}

    prefix = "application/vnd.oci.image."
    suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[how]
    packed = [blob(pack(data, how), f"{prefix}layer.v1.tar{suffix}") for data in layers]
    manifest = {"schemaVersion": 2, "config": blob(config_of(layers, **options), f"{prefix}config.v1+json"), "layers": packed}
    top = blob(json.dumps(manifest).encode(), f"{prefix}manifest.v1+json")
    if nested:
        other = {**blob(b"{}", f"{prefix}manifest.v1+json"), "platform": {"os": "unknown", "architecture": "unknown"}}
        index = {"manifests": [{**top, "platform": {"os": "linux", "architecture": ARCHITECTURE}}, other]}
        top = blob(json.dumps(index).encode(), f"{prefix}index.v1+json")
    top["annotations"] = {"org.opencontainers.image.ref.name": tag}
    return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps({"manifests": [top]}).encode(), **blobs}
