import collections
import re
import sys

minutes = collections.Counter()
for line in sys.stdin:
    match = re.fullmatch(r"[^,]+,(\d+),GET /data/m/\S+/\d+\.mpg\n", line)
    if match:
        minutes[int(match[1])] += 1
for user in sorted(minutes):
    print(user, minutes[user])
