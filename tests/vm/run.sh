#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_FOLDER VM_FOLDER [STEP...]: boots the machine of image.sh with what was built, and runs guest.sh in it (all steps, or those
# named). Prints what the guest says; exit status 0 only when all of it is well. Needs no root and no hardware virtualisation.
set -euo pipefail
build=$1 vm=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
patience_s=${VM_TEST_PATIENCE:-5400}
payload=$(mktemp -d "$vm/payload.XXXXXX")
trap 'rm -rf "$payload"' EXIT

# Installed as `./dev install` does it, and the tests beside.
DESTDIR=$payload/installed cmake --install "$build" --prefix /usr/local >/dev/null
mkdir -p "$payload/tests"
cp -r "$build/bin" "$build/test-bin" "$payload/tests/"
find "$payload/tests/test-bin" -type f ! -name 'sandbox-*' ! -name 'attack-*' -delete
mkdir -p "$payload/source/tests"
cp -r "$source/rubrics" "$payload/source/"
cp -r "$source/tests/demo" "$payload/source/tests/"
find "$payload" -name __pycache__ -prune -exec rm -rf {} +
find "$payload/installed" "$payload/tests" -type f -perm -u+x -exec strip {} + 2>/dev/null || true
cp "$here/guest.sh" "$payload/"
echo "$*" >"$payload/steps"
tar -C "$payload" -cf "$vm/payload.tar" .

rm -f "$vm/results" "$vm/console"
: >"$vm/results"
timeout "$patience_s" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1536 -smp 2 -nic none -display none -no-reboot \
  -kernel "$vm/vmlinuz" -initrd "$vm/initrd" \
  -append 'root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off modprobe.blacklist=kvm_amd,kvm,aesni_intel systemd.unit=vm-test.target quiet' \
  -drive "file=$vm/base.ext4,format=raw,if=virtio,snapshot=on" -drive "file=$vm/payload.tar,format=raw,if=virtio,readonly=on" \
  -serial "file:$vm/console" -serial "file:$vm/results" &
machine=$!
tail --pid="$machine" -n +1 -F "$vm/results" 2>/dev/null || true
wait "$machine" || { echo "vm-test: the machine ended badly, or not within $patience_s s; see $vm/console" >&2; exit 1; }
grep -q '^vm-test: all is well' "$vm/results"
