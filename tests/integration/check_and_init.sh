#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `rubric init` makes a course that `rubric check` finds nothing wrong in; `rubric check` finds seeded mistakes at their places.
set -eu
rubric=$RUBRIC_BIN/rubric
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "check_and_init: $*" >&2; exit 1; }
status_of() { set +e; "$@" >"$folder/out" 2>"$folder/err"; status=$?; set -e; }

# A new course is without problems, also for a title that YAML would trip over, and is not written over.
status_of "$rubric" init "$folder/course" --id demo --title 'A "B": #1' --timezone Europe/Berlin </dev/null
[ $status -eq 0 ] || fail "init: $(cat "$folder/err")"
status_of "$rubric" check "$folder/course"
[ $status -eq 0 ] || fail "check of a new course: $(cat "$folder/err")"
grep -qx '3 files checked, no problems' "$folder/out" || fail "summary: $(cat "$folder/out")"
status_of "$rubric" init "$folder/course" </dev/null
[ $status -eq 1 ] || fail "init over a course: $status"
grep -q 'is not empty' "$folder/err" || fail "init over a course: $(cat "$folder/err")"
status_of "$rubric" init "$folder/other" --id 'Not an id' </dev/null
[ $status -eq 2 ] || fail "a bad id: $status"
[ ! -e "$folder/other" ] || fail "a bad id, and yet a folder"
status_of "$rubric" init
[ $status -eq 2 ] || fail "init of nothing: $status"

# The course is found from a file in it, and from inside.
(cd "$folder/course/rubrics" && "$rubric" check hw1.yaml && "$rubric" check) >"$folder/out" || fail "from inside"
grep -qx '1 file checked, no problems' "$folder/out" || fail "one file: $(cat "$folder/out")"

# Each seeded mistake, by the real graders, at its place, with the path as it was typed.
data=$SOURCE_FOLDER/tests/data/rubric-20-mistakes
status_of "$rubric" check "$data/rubrics/broken.yaml"
[ $status -eq 1 ] || fail "mistakes: $status"
[ "$(wc -l <"$folder/err")" -eq "$(wc -l <"$data/expected.txt")" ] || fail "mistakes: $(cat "$folder/err")"
while read -r place words; do
  grep -qF "$data/rubrics/broken.yaml:$place: error: $words" "$folder/err" || fail "no \"$words\" at $place"
done <"$data/expected.txt"

# JSON, and what is not there.
status_of "$rubric" check --json "$folder/absent"
[ $status -eq 1 ] || fail "absent: $status"
grep -q 'there is no such file or folder' "$folder/out" || fail "absent: $(cat "$folder/out")"
status_of "$rubric" check "$folder"
grep -q 'there is no course.yaml here' "$folder/err" || fail "no course: $(cat "$folder/err")"

# Wrong in each file of a course at once, the policy among them.
sed -i 's/^timezone:.*/timezone: Mars/' "$folder/course/course.yaml"
echo 'carol,C' >>"$folder/course/roster.csv"
echo 'colour: red' >>"$folder/course/rubrics/hw1.yaml"
status_of "$rubric" check "$folder/course"
[ $status -eq 1 ] || fail "broken course: $status"
for file in course.yaml roster.csv rubrics/hw1.yaml; do
  grep -q "^$folder/course/$file:[0-9]*:[0-9]*: error: " "$folder/err" || fail "nothing in $file: $(cat "$folder/err")"
done
echo "check and init: fine"
