#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_FOLDER [box|pipeline|books|github]: figures, paired in one run; never part of the tests.
set -euo pipefail
build=$1
which=${2:-all}
here=$(cd "$(dirname "$0")" && pwd)
export RUBRIC_BIN=$build/bin
if [ "$which" = all ] || [ "$which" = box ]; then
  echo "== box" && "$build/test-bin/bench-box"
fi
if [ "$which" = all ] || [ "$which" = pipeline ]; then
  echo "== pipeline" && "$here/pipeline.py"
fi
if [ "$which" = all ] || [ "$which" = books ]; then
  echo "== books" && "$build/test-bin/bench-books"
fi
if [ "$which" = all ] || [ "$which" = github ]; then
  echo "== github" && "$here/github.py"
fi
