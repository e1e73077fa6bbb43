#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs in the virtual machine, as root, started by vm-test.service: the box and the daemon on control groups of version 2 with a real systemd.
# Each step is a function step_NAME; /payload/steps names those to run, or none for all of them.
set -uo pipefail
cd /payload || exit 1
tests=/payload/tests/test-bin
export RUBRIC_BIN=/payload/tests/bin LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
failed=()

say() { echo "vm-test: $*"; }

# as_service USER COMMAND...: in a unit of its own, which owns its control group; its output and exit status are ours.
as_service() {
  local user=$1
  shift
  systemd-run --quiet --wait --pipe -p Delegate=yes -p User="$user" -p TasksMax=infinity --setenv=RUBRIC_BIN="$RUBRIC_BIN" \
    --setenv=TEST_BOX_MODE="${TEST_BOX_MODE:-cold}" --setenv=LANG=C.UTF-8 "$@"
}

no_groups_left() {
  local left
  left=$(find /sys/fs/cgroup -type d -name 'box-*')
  [ -z "$left" ] || { echo "control groups are left: $left"; return 1; }
}

step_machine() { # what this is
  uname -sr
  systemctl --version | head -n 1
  grep cgroup /proc/self/mountinfo
  cat /sys/fs/cgroup/cgroup.controllers
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]
}

step_doctor_root() { # every promise is kept for root
  as_service root rubric doctor || return 1
  as_service root rubric box --json -- true 2>&1 | tee /tmp/json
  grep -q '"missing": *\[\]' /tmp/json
}

step_doctor_user() { # an ordinary user with a delegated group lacks nothing but an own uid
  as_service tester rubric doctor || return 1
  as_service tester rubric box --json --accept-missing own-uid -- true 2>&1 | tee /tmp/json
  grep -q '"missing": *\["own-uid"\]' /tmp/json
}

step_doctor_bare() { # without Delegate= it says so, and boxes are refused unless that is allowed
  local no_group=(systemd-run --quiet --wait --pipe -p User=tester)
  "${no_group[@]}" rubric doctor || return 1
  "${no_group[@]}" rubric doctor | grep -q 'Delegate=yes' || return 1
  "${no_group[@]}" rubric box --accept-missing own-uid -- true
  [ $? -eq 3 ] || return 1
  "${no_group[@]}" rubric box --accept-missing all -- true
}

units_of() { # USER MODE
  local name
  for name in test_protocol test_status test_box test_keeper; do
    TEST_BOX_MODE=$2 CK_FORK=yes CK_TIMEOUT_MULTIPLIER=10 as_service "$1" --setenv=CK_TIMEOUT_MULTIPLIER=10 "$tests/sandbox-$name" || return 1
  done
  no_groups_left
}
step_units_root() { units_of root cold && units_of root warm; }
step_units_user() { units_of tester cold && units_of tester warm; }

step_survival() { # SIGKILL at random moments
  TEST_BOX_MODE=warm as_service root --setenv=CK_TIMEOUT_MULTIPLIER=10 --setenv=RUBRIC_ROUNDS=20 "$tests/sandbox-test_survival" && no_groups_left
}

attacks_of() { # USER MODE; emulated processors need more time for the same work
  as_service "$1" "$tests/attack-suite" --mode "$2" --patience 8 | grep -v '^ok ' && no_groups_left
  return "${PIPESTATUS[0]}"
}
step_attacks_root_cold() { attacks_of root cold; }
step_attacks_root_slot() { attacks_of root slot; }
step_attacks_root_warm() { attacks_of root warm; }
step_attacks_user_cold() { attacks_of tester cold; }
step_attacks_user_slot() { attacks_of tester slot; }
step_attacks_user_warm() { attacks_of tester warm; }

# ---- the daemon ----

is_settled() { # all that the demo has is posted
  rubric status --config /etc/rubricd/rubricd.yaml --json 2>/dev/null | python3 -c '
import json, sys
status = json.load(sys.stdin)
counts = status["submissions"]
waiting = counts["received"] + counts["fetched"] + counts["decided"] + status["queued"] + status["grading"] + status["posts_waiting"]
sys.exit(0 if sum(counts.values()) >= '"$1"' and not waiting else 1)'
}

wait_settled() { # AT_LEAST SECONDS
  local until=$((SECONDS + $2)) quiet=0
  while [ $SECONDS -lt $until ] && [ $quiet -lt 3 ]; do
    if is_settled "$1"; then quiet=$((quiet + 1)); else quiet=0; fi
    sleep 2
  done
  [ $quiet -ge 3 ]
}

step_daemon() { # installed as the operators' guide says; grades the demo; is killed in the middle; grades all of it, once
  python3 /payload/source/tests/demo/make_demo.py /srv/demo >/dev/null || return 1
  systemd-sysusers && systemd-tmpfiles --create || return 1
  mkdir -p /srv/demo/results && chown -R rubricd: /srv/demo/results /srv/demo/repos # git wants a repository to be its reader's
  sed -e 's|: course$|: /srv/demo/course|; s|^state: .*|state: /var/lib/rubricd|; s|path: |path: /srv/demo/|; s|^accept_missing.*|accept_missing: [own-uid]|' \
    /srv/demo/rubricd.yaml >/etc/rubricd/rubricd.yaml
  cat /etc/rubricd/rubricd.yaml
  systemctl daemon-reload
  systemctl start rubricd || { journalctl -u rubricd --no-pager | tail -n 40; return 1; }
  systemctl is-active rubricd
  local until=$((SECONDS + 600))
  while [ $SECONDS -lt $until ] && ! find /srv/demo/results -name result.json | grep -q .; do sleep 1; done
  systemctl show rubricd -p ControlGroup -p MainPID -p NRestarts
  systemctl kill -s KILL rubricd
  wait_settled 16 2400 || { rubric status --config /etc/rubricd/rubricd.yaml; journalctl -u rubricd --no-pager | tail -n 60; return 1; }
  systemctl is-active rubricd || return 1
  systemctl show rubricd -p NRestarts -p CPUUsageNSec -p MemoryPeak
  rubric status --config /etc/rubricd/rubricd.yaml
  find /srv/demo/results -name result.json | sort
  find /srv/demo/results -name result.json -exec grep -l '"outcome": *"unknown"' {} + && return 1
  rubric ledger --verify --config /etc/rubricd/rubricd.yaml || return 1
  systemd-cgls --no-pager -u rubricd
  systemctl stop rubricd && no_groups_left && ! pgrep -x "rubric-.*"
}

step_daemon_dynamic_user() { # the unit with a user of the moment, a credential and a fresh state folder
  systemctl stop rubricd; systemctl reset-failed rubricd
  mkdir -p /etc/systemd/system/rubricd.service.d
  printf '[Service]\nUser=rubricd-moment\nDynamicUser=yes\nStateDirectory=rubricd-moment\nLoadCredential=hook:/etc/rubricd/hook.secret\n' \
    >/etc/systemd/system/rubricd.service.d/dynamic.conf
  (umask 077; echo "a secret of the test machine" >/etc/rubricd/hook.secret)
  sed -i -e '/ git: /d; s|^state: .*|state: /var/lib/rubricd-moment|; s|path: /srv/demo/results|path: /var/lib/rubricd-moment/results|' /etc/rubricd/rubricd.yaml
  echo '  - webhook: {name: portal, url: "http://127.0.0.1:9/", secret_file: /run/credentials/rubricd.service/hook, max_tries: 1}' >>/etc/rubricd/rubricd.yaml
  systemctl daemon-reload
  systemctl start rubricd || { journalctl -u rubricd --no-pager | tail -n 40; return 1; }
  wait_settled 14 2400 || { rubric status --config /etc/rubricd/rubricd.yaml; journalctl -u rubricd --no-pager | tail -n 60; return 1; }
  rubric status --config /etc/rubricd/rubricd.yaml
  find /var/lib/rubricd-moment/results -name result.json | wc -l
  find /var/lib/rubricd-moment/results/ -name result.json -exec grep -l '"outcome": *"unknown"' {} + && return 1
  systemctl stop rubricd && no_groups_left
}

# ---- all of them ----

cp -a /payload/installed/. / && ldconfig && chmod 755 /payload && useradd -m tester
read -ra steps </payload/steps
[ ${#steps[@]} -gt 0 ] || mapfile -t steps < <(sed -n 's/^step_\([a-z_]*\)() {.*/\1/p' "$0")
for step in "${steps[@]}"; do
  say "$step begins"
  if "step_$step"; then say "$step: well, after $SECONDS s"; else say "$step: FAILED, after $SECONDS s"; failed+=("$step"); fi
done
if [ ${#failed[@]} -eq 0 ]; then say "all is well (${#steps[@]} steps)"; else say "FAILED: ${failed[*]}"; fi
sync
