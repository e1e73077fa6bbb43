#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each program links what it may and no more. Argument: the folder of the programs.
set -eu
bin=$1
status=0
check() { # program allowed...
  program=$1
  shift
  for library in $(readelf -d "$bin/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case " libc.so.6 ld-linux-x86-64.so.2 $* " in
      *" $library "*) ;;
      *) echo "$program links $library, which is not on its list in tests/lint/needed_libraries.sh" >&2; status=1 ;;
    esac
  done
}
common="libglib-2.0.so.0 libcjson.so.1"
worker="$common libyaml-0.so.2 libseccomp.so.2 libexpat.so.1 libgit2.so.1.5 libarchive.so.13"
daemon="$worker libsqlite3.so.0 libcurl.so.4 libcrypto.so.3"
check rubric-box libseccomp.so.2
# shellcheck disable=SC2086 # the lists are meant to split
{
  check rubric-worker $worker
  check rubricd $daemon libmicrohttpd.so.12
  check rubric $daemon libsmartcols.so.1
}
[ $status -eq 0 ] && echo "needed libraries: each program links what it may"
exit $status
