#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in Gradescope's container, once per submission: hands the submission over to rubricd, waits for its result, writes
# results.json. Nothing that a student wrote is executed here, so the key in source/ is safe from students.
#
# How it ends:
#   0, results.json is the result            graded in time
#   0, results.json says "not graded yet"    handed over, but not graded before Gradescope's time is over
#   1, no results.json                       rubricd cannot be reached or does not take it: Gradescope shows that the
#                                            autograder failed, with no score; rerun it when the cause is mended
set -u
umask 077

base=$(cd "$(dirname "$0")" && pwd) || exit 1 # /autograder
url=
timeout_s=
# shellcheck disable=SC1091 # made by `rubric gradescope bridge`: url, timeout_s
. "$base/source/rubricd.conf"
begin_s=$(date +%s)
end_s=$((begin_s + timeout_s - 60)) # what is not written by then is lost: Gradescope gives a timeout the score 0
results=$base/results/results.json
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

say() { echo "rubricd: $*"; } # instructors see it as the autograder's output

left() { echo $((end_s - $(date +%s))); }

fail() {
  rm -f "$results"
  say "$*"
  say "There is no result. Once this is mended, rerun the autograder: it is no new attempt and costs nothing."
  exit 1
}

# write FILE: the whole file or none.
write() {
  if [ -s "$1" ] && mkdir -p "$base/results" && cp "$1" "$results.new" && mv "$results.new" "$results"; then
    exit 0
  fi
  fail "cannot write $results"
}

# At the end of our time: what was told last is valid, and says how to get the result.
write_interim() {
  [ -s "$work/interim" ] || fail "no answer in time from $url"
  say "not graded in time; the result is ready for a rerun later"
  write "$work/interim"
}

# ask SECONDS ARGUMENTS...: one request. Sets status (000: no answer); the answer lies in $work/answer and $work/headers.
ask() {
  ask_s=$1
  shift
  [ "$ask_s" -gt 0 ] || ask_s=1
  rm -f "$work/answer" "$work/headers"
  status=$(curl --silent --show-error --config "$base/source/rubricd.key" --connect-timeout 15 --max-time "$ask_s" \
    --output "$work/answer" --dump-header "$work/headers" --write-out '%{http_code}' "$@" 2>"$work/error") || status=000
  [ -n "$status" ] || status=000
}

# header NAME: its value in the answer to the last request.
header() {
  grep -i "^$1:" "$work/headers" 2>/dev/null | tail -n 1 | cut -d : -f 2- | tr -d ' \r\n'
}

# What an answer that is no success says, for people.
why() {
  if [ "$status" = 000 ]; then
    head -c 500 "$work/error"
  else
    echo "status $status: $(head -c 500 "$work/answer" 2>/dev/null | tr '\n' ' ')"
  fi
}

# Is the answer a document of rubricd's? A proxy on the way may answer with pages of its own.
is_document() {
  [ "$(head -c 1 "$work/answer" 2>/dev/null)" = "{" ]
}

# Before the next try: as long as was asked for, else 1, 2, 4, ... 30 s, and a little more, so that not all come at once.
pause_s=1
pause() {
  asked_s=$(header Retry-After)
  case $asked_s in
    '' | *[!0-9]* | ??????*) asked_s=$pause_s ;;
  esac
  pause_s=$((pause_s * 2))
  [ "$pause_s" -le 30 ] || pause_s=30
  asked_s=$((asked_s + $$ % 3))
  [ "$asked_s" -lt "$(left)" ] || asked_s=$(left)
  [ "$asked_s" -le 0 ] || sleep "$asked_s"
}

pack() {
  metadata=$base/submission_metadata.json
  [ -s "$metadata" ] || fail "Gradescope gave no submission_metadata.json"
  tar -czf "$work/archive" -C "$base" submission || fail "the submission cannot be packed"
  { wc -c <"$metadata" && cat "$metadata" "$work/archive"; } >"$work/body" || fail "the submission cannot be packed"
  rm -f "$work/archive"
  # The same in each try of this run, and in a rerun that Gradescope tells the same about.
  request=$(sha256sum <"$metadata" | cut -c 1-64)
}

# Hands it over. Afterwards `number` is what rubricd calls it, unless the result was there at once.
submit() {
  while [ "$(left)" -gt 0 ]; do
    ask "$(left)" --request POST --upload-file "$work/body" --header "Expect: 100-continue" \
      --header "Content-Type: application/octet-stream" --header "Idempotency-Key: $request" "$url/submissions"
    case $status in
      200 | 413)
        is_document || fail "what came is not from rubricd: $(why)"
        write "$work/answer"
        ;;
      202)
        number=$(header X-Rubricd-Submission)
        case $number in
          '' | *[!0-9]*) fail "rubricd did not say what it calls the submission" ;;
        esac
        cp "$work/answer" "$work/interim"
        pause_s=1
        return
        ;;
      000 | 408 | 425 | 429 | 5??) say "handing it over: $(why)" ;;
      *) fail "rubricd does not take it: $(why)" ;;
    esac
    pause
  done
  write_interim
}

wait_for_result() {
  while [ "$(left)" -gt 0 ]; do
    poll_s=$(left)
    [ "$poll_s" -le 25 ] || poll_s=25
    ask $((poll_s + 20)) "$url/submissions/$number?wait=$poll_s"
    case $status in
      200)
        is_document || fail "what came is not from rubricd: $(why)"
        write "$work/answer"
        ;;
      202)
        cp "$work/answer" "$work/interim"
        pause_s=1
        [ -z "$(header Retry-After)" ] || pause
        ;;
      404) return ;; # forgotten, so it is handed over again
      000 | 408 | 425 | 429 | 5??)
        say "waiting: $(why)"
        pause
        ;;
      *) fail "rubricd does not tell: $(why)" ;;
    esac
  done
  write_interim
}

pack
while :; do
  submit
  wait_for_result
  pause
done
