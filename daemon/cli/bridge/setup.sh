#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gradescope runs this once, while it builds the image: run_autograder needs curl and certificates, and nothing else.
set -eu
if command -v curl >/dev/null 2>&1; then
  exit 0
elif command -v apt-get >/dev/null 2>&1; then
  apt-get update
  apt-get install -y --no-install-recommends ca-certificates curl
elif command -v dnf >/dev/null 2>&1; then
  dnf install -y ca-certificates curl
elif command -v yum >/dev/null 2>&1; then
  yum install -y ca-certificates curl
elif command -v apk >/dev/null 2>&1; then
  apk add ca-certificates curl
else
  echo "this image has no curl, and no apt-get, dnf, yum or apk to install it with" >&2
  exit 1
fi
