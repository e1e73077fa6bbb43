#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# image.sh FOLDER OWNER: a Debian 12 with its kernel and systemd as FOLDER/base.ext4, FOLDER/vmlinuz and FOLDER/initrd, from the mirror that
# this machine's apt uses. For root. What exists and was made by the same list is left as it is; all belongs to OWNER (a uid).
set -euo pipefail
folder=$1 owner=$2
packages=linux-image-cloud-amd64,initramfs-tools,systemd,systemd-sysv,dbus,udev,procps,acl,python3,git,zip,p7zip-full,libglib2.0-0,libcurl4,libssl3
packages+=,libgit2-1.5,libseccomp2,libarchive13,libcjson1,libsqlite3-0,libyaml-0-2,libexpat1,libsmartcols1,libsubunit0,libmicrohttpd12,tzdata,zstd
made_by=$(sha256sum <"$0")
[ "$(cat "$folder/made-by" 2>/dev/null)" != "$made_by" ] || exit 0

mkdir -p "$folder"
tree=$(mktemp -d "$folder/tree.XXXXXX")
trap 'rm -rf "$tree"' EXIT
# shellcheck disable=SC2016 # for apt
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
[ -n "$mirror" ] || { echo "vm-test: apt has no source of Debian 12 (bookworm) to make the machine from" >&2; exit 1; }
echo "vm-test: making a Debian 12 in $folder (some minutes, once)" >&2
debootstrap --variant=minbase --include="$packages" bookworm "$tree" "$mirror" >"$folder/debootstrap.log" 2>&1 || {
  echo "vm-test: debootstrap failed; its last words:" >&2
  tail -n 5 "$folder/debootstrap.log" >&2
  exit 1
}

# A small initrd: only the disk that the root lies on.
echo 'MODULES=list' >"$tree/etc/initramfs-tools/conf.d/small"
printf '%s\n' virtio_pci virtio_blk ext4 >>"$tree/etc/initramfs-tools/modules"
chroot "$tree" update-initramfs -u >>"$folder/debootstrap.log" 2>&1
echo '/dev/vda / ext4 defaults,noatime 0 1' >"$tree/etc/fstab"
echo vm >"$tree/etc/hostname"
cat >"$tree/etc/systemd/system/vm-test.service" <<'UNIT'
[Unit]
Description=What the test brought on the second disk
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir /payload && tar -xf /dev/vdb -C /payload && exec /payload/guest.sh'
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStopPost=/bin/systemctl --no-block poweroff
TimeoutStartSec=infinity
UNIT
cat >"$tree/etc/systemd/system/vm-test.target" <<'UNIT'
[Unit]
Requires=multi-user.target
Wants=vm-test.service
AllowIsolate=yes
UNIT
# Nothing that only costs time in a machine that lives for minutes.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
  getty@tty1.service systemd-timesyncd.service; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*

cp -L "$tree/vmlinuz" "$folder/vmlinuz"
cp -L "$tree/initrd.img" "$folder/initrd"
rm -f "$folder/base.ext4"
mke2fs -q -t ext4 -d "$tree" "$folder/base.ext4" 2G
chown "$owner" "$folder"/{base.ext4,vmlinuz,initrd,debootstrap.log}
chmod u+rw "$folder"/{vmlinuz,initrd}
echo "$made_by" >"$folder/made-by"
