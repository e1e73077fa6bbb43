# SPDX-License-Identifier: Apache-2.0
"""What a test says that it sees. With `claim` it goes on after what does not hold, and ends with `sys.exit(1 if failed else 0)`."""

failed = []


def claim(what, is_true, seen=None):
    """Prints whether it holds; if not, also what was seen instead."""
    print(f"{'ok' if is_true else 'FAILED'}: {what}", flush=True)
    if not is_true:
        failed.append(what)
        print(f"    {seen}", flush=True)


def expect(what, is_true, found):
    """Prints it; ends the test if it does not hold."""
    if not is_true:
        raise SystemExit(f"FAILED: {what}: {found}")
    print(f"  {what}", flush=True)
