#!/bin/sh
# Makes the root file system of a Debian that test/systemd boots, once, and prints where it is: sh test/rootfs.sh bookworm
# As root, on a Debian: its archive is the one that the host's own apt uses. About 40 s and 200 MB each.
set -eu

suite=$1
cache="${HOME:-/root}/.cache/energy-monitor-tests/rootfs"
# Another recipe is another root file system.
root="$cache/$suite-$(cksum <"$0" | cut -d ' ' -f 1)"

mkdir -p "$cache"
exec 9>"$cache/$suite.lock"
flock 9
# Those of other recipes may be in use by another checkout; what nobody has asked for in a month goes.
touch "$root.used"
find "$cache" -maxdepth 1 -name "$suite-*.used" -mtime +30 | while read -r old; do rm -rf "${old%.used}" "$old"; done
if [ -d "$root" ]; then
  echo "$root"
  exit 0
fi

# shellcheck disable=SC2016 # apt-get's own variables
mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
  awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
if [ -z "$mirror" ]; then
  echo "rootfs: apt knows no archive of Debian here; on a Debian, run: apt-get update" >&2
  exit 69
fi

# What Raspberry Pi OS Lite has of what the installer and the units meet.
include=systemd,systemd-sysv,dbus,udev,ca-certificates,curl,jq,sudo,procps,iproute2,kmod
rm -rf "$cache/$suite.new"
if ! mmdebstrap --quiet --variant=minbase --include="$include" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$cache/$suite.new" "$mirror" >"$cache/$suite.log" 2>&1; then
  echo "rootfs: $suite could not be made from $mirror: $(tail -n 1 "$cache/$suite.log")" >&2
  exit 69
fi
# The host's devices are not the guest's to set up, and nothing else of Debian is to run while a test looks.
for unit in systemd-udev-trigger.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  fstrim.timer; do
  ln -sf /dev/null "$cache/$suite.new/etc/systemd/system/$unit"
done
echo pi >"$cache/$suite.new/etc/hostname"
mv "$cache/$suite.new" "$root"
echo "$root"
