#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shipped course and the second one have no mistakes, and their samples get the verdicts that they must, with no check toothless.
set -eu
status=0
for course in rubrics/mlip-f22 tests/data/second-course; do
  "$RUBRIC_BIN/rubric" check "$SOURCE_FOLDER/$course" || status=1
  "$RUBRIC_BIN/rubric" test "$SOURCE_FOLDER/$course" || status=1
done
exit $status
