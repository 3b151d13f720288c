# shellcheck shell=sh disable=SC2015,SC2034
# Whether this machine can run it. What it cannot do without ends the run before anything is changed; the rest is a warning,
# each with what to do.

MIN_SYSTEMD=252
MIN_MEMORY_KB=390625  # 400 MB
GOOD_MEMORY_KB=878906 # 900 MB
MIN_DISK_KB=614400    # a release is 190 MB, and the one before stays
DOCKER_DISK_KB=3145728
# Before this version was made nobody can install it.
BUILT_S=1767225600

preflight() {
  check_root
  check_architecture
  check_system
  check_systemd
  check_memory
  check_disk
  check_clock
  check_memory_cgroup
  check_adapter
  check_modem_manager
}

check_root() {
  [ "$(id -u)" -eq 0 ] || is_dry || fail root "it changes the system, which only root may; run: sudo $0"
}

# The system counts, not the board: a 32-bit one on a 64-bit kernel has no use for a 64-bit Node.
check_architecture() {
  userland=$(dpkg --print-architecture 2>/dev/null || uname -m)
  board=$(tr -d '\0' 2>/dev/null <"$ROOT/proc/device-tree/model" || true)
  case $userland in
    arm64 | aarch64 | amd64 | x86_64) return 0 ;;
    armhf | armel | arm | armv*)
      if [ "$(uname -m)" = aarch64 ] || is_64bit_board "$board"; then
        fail machine "the system is 32-bit and ${board:-this board} is not: Node 24 exists for 64 bits only; flash the card with \"Raspberry Pi OS (64-bit)\""
      fi
      fail machine "${board:-this board ($(uname -m))} is 32-bit, and Node 24 exists for 64 bits only; use a Raspberry Pi 3, 4, 5 or Zero 2 W, or let such a one read this meter over the network (ser2net, rtuOverTcp)"
      ;;
    i386 | i686) fail machine "the system is 32-bit, and Node 24 exists for 64 bits only; install Debian for amd64" ;;
    *) fail machine "there is no Node for $userland in this release; use an arm64 or amd64 machine" ;;
  esac
}

is_64bit_board() {
  case $1 in
    *"Raspberry Pi 2 Model B Rev 1.2"* | *"Raspberry Pi 3"* | *"Raspberry Pi 4"* | *"Raspberry Pi 5"*) true ;;
    *"Raspberry Pi Zero 2"* | *"Compute Module 3"* | *"Compute Module 4"* | *"Compute Module 5"*) true ;;
    *) false ;;
  esac
}

check_system() {
  # shellcheck disable=SC1091
  codename=$(. "$ROOT/etc/os-release" 2>/dev/null && echo "${VERSION_CODENAME:-}")
  case $codename in
    bookworm | trixie) ;;
    *) warn "this system (${codename:-unknown}) is none of those it was tested on; Debian or Raspberry Pi OS 12 (bookworm) and 13 (trixie) are" ;;
  esac
}

check_systemd() {
  version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  [ -n "$version" ] || fail machine "there is no systemd here; its units need it, so start the collector by hand (README, Collect for good)"
  [ "$version" -ge "$MIN_SYSTEMD" ] ||
    fail machine "systemd is $version and the units need $MIN_SYSTEMD; upgrade to Debian 12 or newer"
  [ -d "$ROOT/run/systemd/system" ] || is_dry ||
    fail machine "systemd does not run here (a container?); install on a machine that was started by it"
}

memory_kb() { sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$ROOT/proc/meminfo" 2>/dev/null; }

check_memory() {
  memory=$(memory_kb)
  [ -n "$memory" ] || return 0
  [ "$memory" -ge "$MIN_MEMORY_KB" ] ||
    fail machine "there are $((memory / 1024)) MB of memory and it needs 400; use a board with more"
  [ "$memory" -ge "$GOOD_MEMORY_KB" ] ||
    warn "there are $((memory / 1024)) MB of memory: enough for the collector, not for InfluxDB and Grafana beside it; leave them out or run them elsewhere"
}

# The nearest directory above PATH that is there: df asks for one.
existing_parent() {
  directory=$1
  while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
  printf '%s\n' "$directory"
}

free_kb() { df -Pk "$(existing_parent "$1")" | awk 'NR == 2 { print $4 }'; }

check_disk() {
  free=$(free_kb "$OPT")
  # One that is placed already needs no room: on a card that is nearly full a SAS has to be renewed as well.
  [ "$free" -ge "$MIN_DISK_KB" ] || [ -d "$RELEASES/$(version_of "$SOURCE")" ] ||
    fail machine "$OPT has $((free / 1024)) MB left and a release needs $((MIN_DISK_KB / 1024)); make room (sudo apt-get clean) or use a larger card"
  [ "$DOCKER" != yes ] || [ "$(free_kb "$ROOT/var/lib/docker")" -ge "$DOCKER_DISK_KB" ] ||
    fail machine "/var/lib/docker has less than $((DOCKER_DISK_KB / 1048576)) GB left, which the images of InfluxDB and Grafana need; make room, or leave out --docker"
}

check_clock() {
  [ "$(date +%s)" -ge "$BUILT_S" ] ||
    warn "the clock says $(date +%Y-%m-%d), which is past; readings wait until a time server has answered (timedatectl shows it)"
}

# Raspberry Pi OS starts with it off, and the limits of units and containers are then ignored.
check_memory_cgroup() {
  if [ -r "$ROOT/sys/fs/cgroup/cgroup.controllers" ]; then
    ! grep -qw memory "$ROOT/sys/fs/cgroup/cgroup.controllers" || return 0
  else
    awk '$1 == "memory" && $4 == 1 { on = 1 } END { exit !on }' "$ROOT/proc/cgroups" 2>/dev/null && return 0
  fi
  line=/boot/firmware/cmdline.txt
  [ -e "$ROOT$line" ] || line=/boot/cmdline.txt
  [ -e "$ROOT$line" ] || line="the kernel's command line"
  warn "the kernel's memory cgroup is off, so memory limits of units and containers do nothing; to switch it on add cgroup_enable=memory at the end of the one line in $line and restart (it runs without as well)"
}

# Serial adapters that are there, stable names first.
adapters() {
  for port in "$ROOT"/dev/energy-meter "$ROOT"/dev/serial/by-id/* "$ROOT"/dev/ttyUSB* "$ROOT"/dev/ttyACM*; do
    [ ! -e "$port" ] || printf '%s\n' "${port#"$ROOT"}"
  done
}

check_adapter() {
  if [ -n "$SERIAL" ]; then
    [ -e "$ROOT$SERIAL" ] || warn "$SERIAL is not there; the collector waits until it is plugged in (ls -l /dev/serial/by-id)"
  elif [ -z "$TCP" ] && [ ! -e "$CONFIG" ] && [ -z "$(adapters)" ]; then
    warn "there is no serial adapter; plug it in, or name the meter with --serial or --tcp; the collector waits for it"
  fi
}

check_modem_manager() {
  ! systemctl is-active --quiet ModemManager.service 2>/dev/null ||
    warn "ModemManager runs and asks each new serial adapter whether it is a modem, which disturbs the line; without a modem: sudo systemctl disable --now ModemManager"
}

# One run at a time; the kernel lets go of the lock however it ends.
take_lock() {
  is_dry && return 0
  mkdir -p "$(dirname "$LOCK")"
  exec 9>"$LOCK"
  flock -n 9 || fail locked "another install.sh is running; wait for its end"
}
