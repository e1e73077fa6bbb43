#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BIN_FOLDER [SECONDS] [TARGET...]: each fuzz target for so long, two at a time; new inputs stay in build/.
set -euo pipefail
bin=$1
seconds=${2:-60}
shift $(($# > 2 ? 2 : $#))
here=$(cd "$(dirname "$0")" && pwd)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd "$bin" && printf '%s\n' fuzz-* | sed 's/^fuzz-//')
found="$bin/found"
fuzz_one() {
  mkdir -p "$found/$1"
  if (cd "$found" && "$bin/fuzz-$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$found/$1-" "$found/$1" "$here/corpus/$1" >"$found/$1.log" 2>&1); then
    echo "$1: clean, $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$1.log") runs in $seconds s"
  else
    echo "$1: FOUND SOMETHING, see $found/$1.log" && return 1
  fi
}
export -f fuzz_one
export bin seconds here found
mkdir -p "$found"
printf '%s\n' "${targets[@]}" | xargs -P"$(nproc)" -I{} bash -c 'fuzz_one {}'
