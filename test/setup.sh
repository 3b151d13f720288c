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

# InfluxDB 1 is unpacked, not installed: its package would start a server, and its influxd would stand in PATH for that of
# InfluxDB 2. Unpacking needs no root.
INFLUXDB1="${HOME:-/root}/.cache/energy-monitor-tests/influxdb1"

unpack_influxdb1() {
  if [ -x "$INFLUXDB1/usr/bin/influxd" ]; then return; fi
  mkdir -p "$INFLUXDB1"
  if (cd "$INFLUXDB1" && apt-get download -qq influxdb && dpkg-deb -x influxdb_*.deb . && rm influxdb_*.deb) >/dev/null 2>&1; then
    echo "test:setup: unpacked InfluxDB 1 to $INFLUXDB1"
  else
    echo "test:setup: this system has no package influxdb (or no list of packages: apt-get update); tests with it are skipped"
  fi
}

# Only promtool, its checker of metrics, is used: the package would start a server.
PROMETHEUS="${HOME:-/root}/.cache/energy-monitor-tests/prometheus"

unpack_prometheus() {
  if [ -x "$PROMETHEUS/usr/bin/promtool" ]; then return; fi
  mkdir -p "$PROMETHEUS"
  if (cd "$PROMETHEUS" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb) >/dev/null 2>&1; then
    echo "test:setup: unpacked Prometheus to $PROMETHEUS"
  else
    echo "test:setup: this system has no package prometheus (or no list of packages: apt-get update); tests with it are skipped"
  fi
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
  if command -v apt-get >/dev/null; then unpack_influxdb1 && unpack_prometheus && make_rootfs; fi
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
unpack_influxdb1
unpack_prometheus
make_rootfs
echo "test:setup: done"
