#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `rubric grade` takes folders, archives, git URLs and bundles, and says by its exit status how it went; `rubric test` compares samples.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
n_failed=0

# expect STATUS TEXT COMMAND...: the command's exit status, and a text that it prints (stdout or stderr).
expect() {
  wanted=$1 text=$2
  shift 2
  status=0
  "$@" >out 2>&1 || status=$?
  if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" out; then
    echo "FAILED: $*: exit $status (expected $wanted), looking for: $text"
    cat out
    n_failed=$((n_failed + 1))
  fi
}

mkdir -p course/rubrics course/samples/a1 good/src bad
cat >course/course.yaml <<'END'
course: tiny
title: Tiny
timezone: UTC
assignments:
  a1: {title: "A1", kind: homework, deadline: "2022-09-07 12:00:00"}
  a2: {title: "A2", kind: homework, deadline: "2022-09-08 12:00:00"}
END
cat >course/roster.csv <<'END'
id,name,email,github,sid,section,team,status,aliases
ann,Ann,ann@x.example,ann,1,s,,student,
END
cat >course/rubrics/a1.yaml <<'END'
rubric: a1
title: A1
items:
  - {id: there, points: 2, title: The answer is there, passes: p, check: {files: {present: src/answer.txt}}}
  - {id: right, points: 3, title: The answer is right, passes: p, needs: [there], visible: staff, check: {run: {command: cat src/answer.txt, stdout: "42\n"}}}
END
echo 42 >good/src/answer.txt
echo read >good/README
echo none >bad/readme
tar czf good.tar.gz good
git -c init.defaultBranch=main init -q repo
cp -r good/src repo/
git -C repo -c user.name=Ann -c user.email=ann@x.example add -A
git -C repo -c user.name=Ann -c user.email=ann@x.example commit -qm one
git -C repo tag v1
echo 43 >repo/src/answer.txt
git -C repo -c user.name=Ann -c user.email=ann@x.example commit -qam two
git -C repo bundle create -q ../good.bundle main v1
rubric=$RUBRIC_BIN/rubric
# shellcheck disable=SC2317 # run through expect
grade() { "$rubric" grade -c course -a a1 --owner ann "$@"; }

expect 0 "5 of 5 points" grade good --staff
expect 0 "5 of 5 points" grade good.tar.gz --staff
expect 1 "The answer is there" grade bad
expect 0 "2 of 2 points" grade good --public
expect 0 "5 of 5 points" grade "file://$place/repo@v1" --staff
expect 1 "The answer is right" grade "file://$place/repo" --staff
expect 0 "5 of 5 points" grade good.bundle@v1 --staff
expect 1 "2 of 5 points" grade good.bundle@main --staff
expect 0 "Late by 1 h" grade good --at "2022-09-07 13:00"
expect 0 '"outcome":	"pass"' grade good --json
expect 0 "no --owner given" "$rubric" grade -c course -a a1 good
expect 1 'did you mean "a1"?' "$rubric" grade -c course -a a11 good
expect 1 'no person "bob"' "$rubric" grade -c course -a a1 --owner bob good
expect 1 'has no rubric' "$rubric" grade -c course -a a2 --owner ann good
expect 1 'cannot open "nowhere"' grade nowhere
expect 1 'has no branch, tag or commit "v9"' grade good.bundle@v9
expect 1 'is no git URL that is allowed' grade "ext::id"
expect 1 'cannot fetch' grade "file://$place/nowhere"
expect 2 'needs -a ASSIGNMENT' "$rubric" grade good
expect 2 'rubric grade --help' "$rubric" grade --nonsense

# Samples: one as expected, one not, one without expectation, a check without teeth.
cp -r good course/samples/a1/good
cp good.tar.gz course/samples/a1/other.tar.gz
printf 'items: {there: pass, right: pass}\n' >course/samples/a1/good.expect.yaml
expect 0 "toothless: no sample fails a1 there" "$rubric" test course
expect 0 "a1/other                         not compared: it has no expectation" "$rubric" test course
expect 1 "2 toothless" "$rubric" test --strict course
printf 'items: {there: fail}\nrest: pass\n' >course/samples/a1/other.expect.yaml
expect 1 "there: expected fail, got pass" "$rubric" test course
expect 1 '"there: expected fail, got pass' "$rubric" test --json course
cp -r bad course/samples/a1/bad
printf 'items: {there: fail, right: fail}\n' >course/samples/a1/bad.expect.yaml
rm course/samples/a1/other*
expect 0 "2 samples: 0 differ, 0 without expectation; 1 toothless" "$rubric" test course -a a1
printf 'not an archive' >course/samples/a1/broken.zip
printf 'submission: fail\n' >course/samples/a1/broken.expect.yaml
expect 0 "a1/broken                        as expected" "$rubric" test course
printf 'items: {thre: fail}\n' >course/samples/a1/bad.expect.yaml
expect 1 'did you mean "there"?' "$rubric" test course
expect 1 'did you mean "a1"?' "$rubric" test course -a a11
expect 2 'needs one course folder' "$rubric" test
exit "$n_failed"
