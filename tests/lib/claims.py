# SPDX-License-Identifier: Apache-2.0
"""What a test says that it sees. With `claim` it goes on after what does not hold, and ends with `sys.exit(1 if failed else 0)`."""

import os
import pathlib
import tempfile

failed = []


def claim(what, is_true, seen=None):
    """Prints whether it holds; if not, also what was seen instead."""
    print(f"{'ok' if is_true else 'FAILED'}: {what}", flush=True)
    if not is_true:
        failed.append(what)
        print(f"    {seen}", flush=True)


def run_steps(*steps):
    """Runs each step with an own folder, which the users of boxes may enter; none finds this machine's images."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="steps-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        os.environ["RUBRIC_IMAGES"] = str(folder / "images")
        for step in steps:
            own = folder / step.__name__
            own.mkdir()
            step(own)


def expect(what, is_true, found):
    """Prints it; ends the test if it does not hold."""
    if not is_true:
        raise SystemExit(f"FAILED: {what}: {found}")
    print(f"  {what}", flush=True)
