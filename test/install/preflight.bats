# What a machine lacks is told before anything is changed, each with what to do.

load box

setup() {
  make_box
  make_release 1.0.0
}

board() { printf '%s\0' "$1" >"$ROOT/proc/device-tree/model"; }

refuses() {
  setup_with 1.0.0 --yes "$@"
  [ ! -e "$ROOT/opt/energy-monitor" ]
}

@test "without root" {
  stand_in id <<<'echo 1000'
  refuses
  fails_with 77
  says 'run: sudo'
}

@test "a 32-bit system on a 64-bit kernel is to be flashed" {
  stand_in dpkg <<<'echo armhf'
  stand_in uname <<<'echo aarch64'
  refuses
  fails_with 71
  says 'flash the card with "Raspberry Pi OS (64-bit)"'
}

@test "so is a 32-bit kernel on a board that can do 64 bits" {
  stand_in dpkg <<<'echo armhf'
  stand_in uname <<<'echo armv7l'
  board 'Raspberry Pi 3 Model B Plus Rev 1.3'
  refuses
  fails_with 71
  says 'Raspberry Pi 3 Model B Plus Rev 1.3'
  says 'flash the card'
}

@test "a 32-bit board is told so, and what to use" {
  stand_in dpkg <<<'echo armhf'
  for model in 'Raspberry Pi Zero W Rev 1.1' 'Raspberry Pi Model B Rev 2' 'Raspberry Pi 2 Model B Rev 1.1'; do
    stand_in uname <<<'echo armv6l'
    board "$model"
    refuses
    fails_with 71
    says "$model is 32-bit"
    says 'Zero 2 W'
  done
}

@test "i386 and other processors" {
  stand_in dpkg <<<'echo i386'
  refuses
  fails_with 71
  says 'install Debian for amd64'
  stand_in dpkg <<<'echo riscv64'
  refuses
  fails_with 71
  says 'there is no Node for riscv64'
}

@test "another system is a warning, an old systemd is not enough" {
  echo 'VERSION_CODENAME=noble' >"$ROOT/etc/os-release"
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'noble'
  stand_in systemctl <<<'echo "systemd 247 (247.3)"'
  refuses
  fails_with 71
  says 'systemd is 247'
}

@test "no systemd, and one that does not run" {
  rmdir "$ROOT/run/systemd/system"
  refuses
  fails_with 71
  says 'systemd does not run here'
  stand_in systemctl <<<'exit 127'
  refuses
  fails_with 71
  says 'there is no systemd here'
}

@test "memory: 512 MB are a warning, 256 MB too little" {
  echo 'MemTotal:         437964 kB' >"$ROOT/proc/meminfo"
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'not for InfluxDB and Grafana'
  echo 'MemTotal:         247964 kB' >"$ROOT/proc/meminfo"
  refuses
  fails_with 71
}

@test "a full card, for the release and for the images of Docker" {
  stand_in docker <<<'exit 0'
  stand_in df <<<'printf "Filesystem 1024-blocks Used Available\nx 9 9 1000000\n"'
  refuses --docker
  fails_with 71
  says '/var/lib/docker'
  stand_in df <<<'printf "Filesystem 1024-blocks Used Available\nx 9 9 5000\n"'
  refuses
  fails_with 71
  says 'make room'
}

@test "a clock of the past is a warning" {
  # shellcheck disable=SC2016
  stand_in date <<<'case $1 in +%s) echo 1000 ;; *) echo 1970-01-01 ;; esac'
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'the clock says 1970-01-01'
}

@test "a memory cgroup that is off is a warning that names the file; one that is on is none" {
  setup_with 1.0.0 --yes --dry-run
  says_not cgroup_enable
  echo 'cpu pids' >"$ROOT/sys/fs/cgroup/cgroup.controllers"
  mkdir -p "$ROOT/boot/firmware"
  : >"$ROOT/boot/firmware/cmdline.txt"
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'cgroup_enable=memory at the end of the one line in /boot/firmware/cmdline.txt'
}

@test "an adapter that is missing is waited for" {
  setup_with 1.0.0 --yes --dry-run
  says_not 'no serial adapter'
  rm "$ROOT/dev/energy-meter"
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'there is no serial adapter'
  setup_with 1.0.0 --yes --dry-run --tcp 192.168.1.50
  says_not 'no serial adapter'
  setup_with 1.0.0 --yes --dry-run --serial /dev/ttyUSB0
  says '/dev/ttyUSB0 is not there'
}

@test "ModemManager disturbs the line" {
  : >"$BOX/state/active-ModemManager.service"
  setup_with 1.0.0 --yes --dry-run
  succeeds
  says 'systemctl disable --now ModemManager'
}

@test "a library that Node needs is installed" {
  cat >"$BOX/1.0.0/agent/energy-monitor" <<END
#!/bin/sh
test -e '$BOX/library' || { echo 'libatomic.so.1: cannot open shared object file' >&2; exit 127; }
case \$1 in collect) echo collecting ;; esac
END
  seal 1.0.0
  setup_with 1.0.0 --yes
  fails_with 69
  stand_in apt-get <<<"case \$* in *libatomic1*) : >'$BOX/library' ;; esac"
  setup_with 1.0.0 --yes
  succeeds
}
