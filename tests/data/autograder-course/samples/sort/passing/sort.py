# SPDX-License-Identifier: Apache-2.0
import sys

numbers = sorted(int(word) for word in sys.stdin.read().split())
print(*numbers, sep="\n")
