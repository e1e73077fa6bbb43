#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does hello.c compile, and does it end with status 0?
echo "Compiling hello.c"
if ! make; then
  echo "hello.c does not compile"
  echo '{"scores": {"Correctness": 0}}'
  exit
fi
if ./hello; then
  echo '{"scores": {"Correctness": 100}}'
else
  echo '{"scores": {"Correctness": 0}}'
fi
