# SPDX-License-Identifier: Apache-2.0
"""Two problems and a scoreboard; the line before the last is what Autolab shows as a table."""
import json
import subprocess
import sys

scores = {"Sorts": 0, "Speed": 0}
steps = {}
for name, numbers in (("Sorts", [3, 1, 2]), ("Speed", list(range(2000, 0, -1)))):
    try:
        ended = subprocess.run([sys.executable, "sort.py"], input="\n".join(map(str, numbers)), capture_output=True, text=True, timeout=5)
        is_right = ended.stdout.split() == [str(number) for number in sorted(numbers)]
    except subprocess.TimeoutExpired:
        is_right = False
    steps[name] = {"passed": is_right}
    scores[name] = 50 if is_right else 0
print(json.dumps({"_presentation": "semantic", "stages": ["Test Results"], "Test Results": steps}))
print(json.dumps({"scores": scores, "scoreboard": [sum(scores.values())]}))
