#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Small and whole: licence lines, no file over 600 lines, no open ends, no trailing blanks.
set -eu
cd "$(dirname "$0")/../.."
status=0
complain() { echo "$*" >&2; status=1; }
for file in $(git ls-files '*.c' '*.h' '*.sh' '*.py' '*.sql' 'dev' '.ci/run' '*CMakeLists.txt'); do
  [ -f "$file" ] || continue
  case $file in
    tests/data/* | */samples/* | */checks/*) continue ;;
  esac
  head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: no SPDX line at its top"
  [ "$(wc -l <"$file")" -le 600 ] || complain "$file: over 600 lines; split it by subject"
  [ "$file" = tests/lint/tree.sh ] || ! grep -nE '\b(TODO|FIXME|XXX)\b' "$file" >&2 || complain "$file: an open end; do it or write an issue"
  ! grep -nE '[[:blank:]]+$' "$file" >&2 || complain "$file: trailing blanks"
done
[ $status -eq 0 ] && echo "tree: licence lines, sizes and ends are fine"
exit $status
