# SPDX-License-Identifier: Apache-2.0
"""For tests that go on after what does not hold: they end with `sys.exit(1 if failed else 0)`."""

failed = []


def claim(what, is_true, seen=None):
    """Prints whether it holds; if not, also what was seen instead."""
    print(f"{'ok' if is_true else 'FAILED'}: {what}", flush=True)
    if not is_true:
        failed.append(what)
        print(f"    {seen}", flush=True)
