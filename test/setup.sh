#!/bin/sh
# Installs Azurite from npm, and the system packages that the tests use, on Debian and its relatives, as root or with sudo.
# Where it may not, it says so and ends well: the tests then skip what needs them, and name it.
set -eu

# Azurite has a lockfile of its own: its 457 packages (365 MB) are nothing for a Pi, so npm ci in the repository leaves them out.
azurite="$(dirname -- "$0")/azurite"
if cmp -s "$azurite/package-lock.json" "$azurite/node_modules/.installed"; then
  echo "test:setup: azurite is there"
else
  echo "test:setup: installing azurite with npm"
  if npm ci --prefix "$azurite" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
    cp "$azurite/package-lock.json" "$azurite/node_modules/.installed"
  else
    echo "test:setup: azurite could not be installed; without it some tests are skipped"
  fi
fi

PACKAGES="socat python3-pymodbus python3-serial python3-serial-asyncio shellcheck bats victoria-metrics age zstd openssl
  systemd-container mmdebstrap chromium fonts-dejavu-core python3-prometheus-client"

# Unpacked, not installed: their packages would start servers, and InfluxDB 1's influxd would stand in PATH for that of InfluxDB 2.
# Of Prometheus only promtool is used, its checker of metrics. Unpacking needs no root.
UNPACKED="${HOME:-/root}/.cache/energy-monitor-tests"

# unpack PACKAGE PROGRAM DIRECTORY
unpack() {
  if [ -x "$UNPACKED/$3/usr/bin/$2" ]; then return; fi
  mkdir -p "$UNPACKED/$3"
  if (cd "$UNPACKED/$3" && apt-get download -qq "$1" && dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb) >/dev/null 2>&1; then
    echo "test:setup: unpacked $1 to $UNPACKED/$3"
  else
    echo "test:setup: this system has no package $1 (or no list of packages: apt-get update); tests with it are skipped"
  fi
}

unpack_all() {
  unpack influxdb influxd influxdb1
  unpack prometheus promtool prometheus
}

# What test/systemd boots: two minutes the first time, and only root can.
make_rootfs() {
  if [ "$(id -u)" -ne 0 ] || ! command -v mmdebstrap >/dev/null; then return; fi
  for suite in bookworm trixie; do
    root=$(sh "$(dirname -- "$0")/rootfs.sh" "$suite") && echo "test:setup: $suite is in $root" ||
      echo "test:setup: tests that boot $suite are skipped"
  done
}

missing=""
for package in $PACKAGES; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done

if [ -z "$missing" ]; then
  echo "test:setup: all system packages are there: $PACKAGES"
  if command -v apt-get >/dev/null; then unpack_all && make_rootfs; fi
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "test:setup: this is no Debian; install yourself what corresponds to:$missing"
  exit 0
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root="sudo"
else
  echo "test:setup: needs root or sudo to install:$missing; without them some tests are skipped"
  exit 0
fi
echo "test:setup: installing with apt-get:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
unpack_all
make_rootfs
echo "test:setup: done"
