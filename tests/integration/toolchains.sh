#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real tools in boxes, each with the profile that docs/graders.md promises. What this machine lacks is skipped, and said.
set -euo pipefail
rubric=${RUBRIC_BIN:?}/rubric
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
n_failed=0

# box NAME TOOL EXPECTED [OPTIONS...] -- SCRIPT: the script's last line must be EXPECTED.
box() {
  local name=$1 tool=$2 expected=$3 script=${!#} out status=0
  shift 3
  if ! PATH=/usr/local/bin:/usr/bin:/bin command -v "$tool" >/dev/null; then
    echo "skipped: $name: there is no $tool in /usr"
    return
  fi
  set -- "${@:1:$#-2}"
  out=$("$rubric" box --accept-missing all --workspace "$folder/$name" --wall 60s --cpu 60s "$@" -- sh -c "$script" 2>&1) || status=$?
  if [ "$status" = 0 ] && [ "$(printf '%s\n' "$out" | tail -n 1)" = "$expected" ]; then
    echo "ok: $name"
  else
    echo "FAILED: $name: status $status: $out"
    n_failed=$((n_failed + 1))
  fi
}

put() { # put FILE: standard input, readable for the box
  mkdir -p "$(dirname "$folder/$1")"
  cat >"$folder/$1"
}

put c/main.c <<'EOF'
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include "twice.h"
static void *run(void *value) { *(int *)value = twice(21); return NULL; }
int main(void) { pthread_t thread; int value; pthread_create(&thread, NULL, run, &value); pthread_join(thread, NULL); printf("%d %.0f\n", value, sqrt(16)); return 0; }
EOF
put c/twice.h <<<'int twice(int);'
put c/twice.c <<<'#include "twice.h"
int twice(int n) { return 2 * n; }'
# shellcheck disable=SC2016 # for make
printf 'answer: main.o twice.o\n\t$(CC) -pthread -o $@ $^ -lm\n%%.o: %%.c twice.h\n\t$(CC) -O2 -Wall -pthread -c $<\n' | put c/Makefile

put python/rated.py <<<'def rate(n): return n * 2'
put python/test_rated.py <<'EOF'
import multiprocessing, sqlite3, subprocess, tempfile, threading, unittest
from rated import rate
class Rated(unittest.TestCase):
    def test_rate(self): self.assertEqual(rate(4), 8)
    def test_pool(self):
        with multiprocessing.Pool(2) as pool: self.assertEqual(pool.map(rate, [1, 2]), [2, 4])
    def test_threads(self):
        thread = threading.Thread(target=rate, args=[1]); thread.start(); thread.join()
    def test_files(self):
        with tempfile.TemporaryDirectory() as at: sqlite3.connect(at + "/db").execute("create table a(b)")
    def test_children(self): self.assertEqual(subprocess.check_output(["echo", "here"]), b"here\n")
EOF

put venv/rated.py <<<'def rate(n): return n * 2'
put venv/test_rated.py <<'EOF'
import sys, pytest
from rated import rate
@pytest.mark.parametrize("n", [1, 2, 3])
def test_rate(n, tmp_path):
    (tmp_path / "a").write_text(str(rate(n)))
    assert (tmp_path / "a").read_text() == str(2 * n)
def test_is_of_the_environment(): assert sys.prefix.endswith("/environment")
EOF

put node/rate.test.js <<'EOF'
const test = require('node:test'), assert = require('node:assert'), fs = require('fs');
test('rates', () => assert.strictEqual(2 * 2, 4));
test('reads', async () => assert.ok((await fs.promises.readFile(__filename)).length > 0));
EOF

put java/Main.java <<'EOF'
import java.util.stream.*;
public class Main { public static void main(String[] a) { System.out.println(IntStream.range(0, 100).parallel().sum()); } }
EOF

put git/README <<<'nothing'

put serve/serve.py <<'EOF'
import http.server, threading, urllib.request
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"42")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen("http://127.0.0.1:8080/").read().decode())
EOF

put shell/data <<<$'b 2\na 1'

# Boxes of root have a user of their own.
chmod -R a+rX "$folder"
[ "$(id -u)" != 0 ] || find "$folder" -exec chmod a+rwX {} +

box c make "42 4" -- 'make >/dev/null && ./answer'
box python python3 "OK" -- 'python3 -m unittest -q 2>&1'
box venv pytest-3 "4 passed" -- 'python3 -m venv --system-site-packages /tmp/environment && /tmp/environment/bin/python -m pytest -q -p no:cacheprovider | grep -o "[0-9]* passed"'
box node node "passed" --memory 1G -- 'node --test rate.test.js >/tmp/out && echo passed || cat /tmp/out'
box java javac "4950" --profile build --memory 2G -- 'javac Main.java && java -Xmx256m Main'
box git git "1" -- 'git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm first && git log --oneline | wc -l'
box serve python3 "42" --network loopback -- 'python3 serve.py'
# shellcheck disable=SC2016 # for the box's shell
box shell awk "a 1 b 2" -- 'sort data | awk "{printf \"%s%s %s\", sep, \$1, \$2; sep=\" \"} END {print \"\"}"; exit 0'
[ "$n_failed" = 0 ]
