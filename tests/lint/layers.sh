#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder may include its own headers and the public header of the folders before it in this list; nothing else of ours.
set -eu
cd "$(dirname "$0")/../.."
layers="daemon/base sandbox daemon/images daemon/proxy rubrics graders daemon/worker daemon/store daemon/tokens daemon/net daemon/roles daemon/web daemon/cli"
status=0
below=""
for layer in $layers; do
  [ -d "$layer" ] || continue
  for file in "$layer"/*.c "$layer"/*.h; do
    [ -f "$file" ] || continue
    # shellcheck disable=SC2013 # our headers' names hold no blanks
    for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
      case $header in
        */*) folder=${header%/*} ;;
        *) continue ;; # made at build time, for the folder that includes it
      esac
      [ "$folder" = "$layer" ] && continue
      # sandbox/ is the only code with privileges: libc and libseccomp, of base only what is libc alone.
      [ "$layer:$header" = sandbox:daemon/base/beneath.h ] && continue
      allowed=0
      if [ "$layer" != sandbox ]; then
        for lower in $below; do
          [ "$header" = "$lower/${lower##*/}.h" ] && allowed=1
        done
      fi
      if [ $allowed -eq 0 ]; then
        echo "$file: includes \"$header\", which is neither its own nor the public header of a lower layer" >&2
        status=1
      fi
    done
  done
  below="$below $layer"
done
[ $status -eq 0 ] && echo "layers: no include goes against the order"
exit $status
