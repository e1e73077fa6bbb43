#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon's own cost: N submissions of one trivial check, from the folder to the posted webhook, store on disk with full
synchronisation. pipeline.py [--submissions 1000]"""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lib"))
import rubricd_testing as t


def memory_kib(pids):
    """(sum of Pss, sum of private memory) of processes, in KiB."""
    pss = private = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                pss += int(line.split()[1])
            elif line.startswith(("Private_Clean:", "Private_Dirty:")):
                private += int(line.split()[1])
    return pss, private


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=1000)
    options = parser.parse_args()
    n = options.submissions

    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubricd-bench-", dir="/var/tmp"))  # a disk, not a tmpfs
    receiver = t.Receiver()
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    course = t.make_course(folder / "course", n, deadline, check='run: "true"')
    config = t.make_config(folder, course, receiver.url, grade_processes=2)
    daemon = t.Daemon(config, folder / "log")
    daemon.start()
    t.wait_until(lambda: list((folder / "state").glob("*.db")), 20, "the store is there")
    time.sleep(1)
    idle = daemon.tree()
    pss, private = memory_kib(idle)
    print(f"idle: {len(idle)} processes, {pss / 1024:.1f} MiB proportional, {private / 1024:.1f} MiB private")

    start = time.monotonic()
    for i in range(n):
        staged = folder / f"stage-{i}"
        staged.mkdir()
        (staged / "answer.txt").write_text(f"answer of {i}\n")
        staged.rename(folder / f"inbox/hw1/s{i:04d}")
    t.wait_until(lambda: len(receiver.effects) >= n, 300, "every result is posted")
    elapsed = time.monotonic() - start

    with t.store(folder) as db:
        seen = {f"{row['id']}": row["seen_us"] for row in db.execute("SELECT id, seen_us FROM submission")}
        phases = db.execute("""SELECT avg(graded_us - fetched_us) / 1000.0 AS queue_and_grade,
                                      max(posted_us) - min(seen_us) AS span_us FROM submission""").fetchone()
    waits = [tries[0][1] - seen[key.split(":")[0]] / 1e6 for key, tries in receiver.effects.items()]
    daemon.stop()
    print(f"{n} submissions in {elapsed:.1f} s: {n / elapsed:.0f} per second (a burst; the resting time of new files included)")
    print(f"seen to posted: p50 {percentile(waits, 0.5):.2f} s, p99 {percentile(waits, 0.99):.2f} s (the burst's queue included)")
    print(f"first seen to last posted: {phases['span_us'] / 1e6:.2f} s = {n / (phases['span_us'] / 1e6):.0f} per second")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
