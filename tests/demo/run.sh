#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BIN_FOLDER [--once]: makes three teams' repositories and two Gradescope exports from the shipped course's samples, starts
# the daemon over them, and shows what became of them. Stays up until Ctrl-C, or with --once until all is posted.
set -euo pipefail
bin=$1
once=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
case $once in
  "" | --once) ;;
  *) echo "run: the only option is --once, not '$once'" >&2; exit 2 ;;
esac
demo=$here/../../build/demo
rm -rf "$demo"
mkdir -p "$demo"
demo=$(cd "$demo" && pwd)
config=$demo/rubricd.yaml
python3 "$here/make_demo.py" "$demo"

echo
echo "rubricd --config ${config#"$PWD"/} (log: ${demo#"$PWD"/}/log)"
"$bin/rubricd" --config "$config" >"$demo/log" 2>&1 &
daemon=$!
# shellcheck disable=SC2064 # this daemon's pid, now
trap "kill $daemon 2>/dev/null || true; wait $daemon 2>/dev/null || true" EXIT

is_settled() { # some submissions, and none that is still on its way
  [ -e "$demo/state/rubricd.db" ] || return 1
  "$bin/rubric" status --config "$config" --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
counts = status["submissions"]
waiting = counts["received"] + counts["fetched"] + counts["decided"] + status["queued"] + status["grading"] + status["posts_waiting"]
done = sum(counts.values())
print(f"\r  {done} submissions, {waiting} on their way " if sys.stderr.isatty() else "", end="", file=sys.stderr, flush=True)
sys.exit(0 if done and not waiting else 1)'
}
n_settled=0
for _ in $(seq 1200); do
  kill -0 $daemon 2>/dev/null || { echo "run: the daemon ended; its last words:" >&2; tail -n 20 "$demo/log" >&2; exit 1; }
  if is_settled; then n_settled=$((n_settled + 1)); else n_settled=0; fi
  [ $n_settled -lt 16 ] || break # quiet for two looks of each source
  sleep 0.25
done
[ $n_settled -ge 16 ] || { echo "run: not all was posted within five minutes; see $demo/log" >&2; exit 1; }

rubric() {
  echo
  echo "\$ rubric $*"
  "$bin/rubric" "$@" --config "$config"
}
rubric status
rubric tokens team2
rubric ledger --verify
echo
echo "Results, as the students see them (result.md), for machines (result.json) and for Gradescope (results.json):"
find "$demo/results" -name result.md | sort | sed "s|$PWD/||; s/^/  /"
echo
echo "Next: \`build/release/bin/rubric flags --config ${config#"$PWD"/}\` is the TAs' queue,"
echo "      \`build/release/bin/rubric what-if -a m3 -o team1 --config ${config#"$PWD"/}\` tells a price beforehand."
[ -n "$once" ] && exit 0
echo
echo "The daemon goes on watching ${demo#"$PWD"/}/inbox and the repositories. Ctrl-C ends it."
wait $daemon
