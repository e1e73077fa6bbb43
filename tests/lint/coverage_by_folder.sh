#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sums gcovr's text table (file lines exec cover ...) by folder.
set -eu
awk '$1 ~ /\.c$/ && NF >= 4 { n = split($1, part, "/"); folder = part[1]; for (i = 2; i < n; i++) folder = folder "/" part[i]
       lines[folder] += $2; run[folder] += $3 }
     END { for (f in lines) printf "%-16s %5d of %5d lines  %5.1f %%\n", f, run[f], lines[f], 100 * run[f] / lines[f] }' "$1" | sort
