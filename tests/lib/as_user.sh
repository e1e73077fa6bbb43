#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# as_user.sh COMMAND...: runs a test as an ordinary user whom nobody else is.
user=60234
if [ "$(id -u)" -ne 0 ]; then
  echo "skipped: only root becomes another user; the test itself runs as this one"
  exit 77
fi
HOME=/ exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
