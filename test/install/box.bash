# shellcheck shell=bash disable=SC2154
# A machine in a directory: what stands for / (ENERGY_MONITOR_ROOT), stand-ins for all that changes a real one, in a PATH of
# their own, and releases whose agent is a few lines of shell. Each stand-in writes its call to $CALLS.

REPOSITORY=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# stand_in NAME < script; the call is noted before it.
stand_in() {
  {
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$1" "$CALLS"
    cat
  } >"$BOX/bin/$1"
  chmod +x "$BOX/bin/$1"
}

make_box() {
  BOX=$BATS_TEST_TMPDIR/box
  CALLS=$BOX/calls
  ROOT=$BOX/root
  mkdir -p "$BOX/bin" "$BOX/state" "$ROOT"/{etc,proc/device-tree,sys/fs/cgroup,run/systemd/system,run/udev,dev/serial/by-id,usr/local/bin,var/lib/docker,opt}
  : >"$CALLS"
  : >"$ROOT/run/udev/control"
  echo 'VERSION_CODENAME=trixie' >"$ROOT/etc/os-release"
  echo 'MemTotal:        3884364 kB' >"$ROOT/proc/meminfo"
  echo 'cpu memory pids' >"$ROOT/sys/fs/cgroup/cgroup.controllers"
  : >"$ROOT/dev/energy-meter"
  machine_stand_ins
  systemctl_stand_in
  PATH=$BOX/bin:$PATH
  export PATH ENERGY_MONITOR_ROOT=$ROOT
}

machine_stand_ins() {
  stand_in id <<<'echo 0'
  stand_in dpkg <<<'echo amd64'
  stand_in uname <<<'echo x86_64'
  stand_in df <<<'printf "Filesystem 1024-blocks Used Available\nx 9 9 9000000\n"'
  stand_in sleep <<<'exit 0'
  stand_in chown <<<'exit 0'
  stand_in sync <<<'exit 0'
  stand_in getent <<<"test -e '$BOX/state/user'"
  stand_in systemd-sysusers <<<": >'$BOX/state/user'"
  stand_in userdel <<<"rm '$BOX/state/user'"
  stand_in systemd-tmpfiles <<<'exit 0'
  stand_in udevadm <<<'exit 0'
  stand_in journalctl <<<'echo the log of the collector'
  stand_in setpriv <<'END'
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
END
  # Owners need a real user; modes are looked at.
  stand_in install <<'END'
set -- "$@" END
while [ "$1" != END ]; do
  case $1 in -o | -g) shift ;; *) set -- "$@" "$1" ;; esac
  shift
done
shift
exec /usr/bin/install "$@"
END
  for program in docker apt-get apt-cache npm; do stand_in $program <<<'exit 1'; done
}

# What is active and enabled is a file each. A collector starts unless its release has a file `broken`.
systemctl_stand_in() {
  stand_in systemctl <<END
state='$BOX/state'
case \$1 in
  --version) echo 'systemd 257 (257.13)'; exit ;;
  show) case \$3 in ActiveState) test -e "\$state/active-\$4" && echo active || echo failed ;; NRestarts) echo 0 ;; *) echo dead ;; esac; exit ;;
esac
verb=\$1
shift
while [ "\${1#--}" != "\${1:-}" ]; do now=\${now:-}\$1; shift; done
for unit in "\$@"; do
  case \$verb in
    start | restart)
      case \$unit in *collector*) test ! -e '$ROOT/opt/energy-monitor/current/broken' || exit 1 ;; esac
      : >"\$state/active-\$unit" ;;
    stop) rm -f "\$state/active-\$unit" ;;
    enable) : >"\$state/enabled-\$unit" ;;
    disable) rm -f "\$state/enabled-\$unit" "\$state/active-\$unit" ;;
    is-active) test -e "\$state/active-\$unit" || exit 3 ;;
    is-enabled) test -e "\$state/enabled-\$unit" || exit 1 ;;
  esac
done
END
}

# make_release VERSION: an unpacked release in $BOX/VERSION, with the real install.sh.
make_release() {
  local tree=$BOX/$1
  mkdir -p "$tree"/{agent,systemd/energy-monitor-.service.d,docker,node_modules/.bin}
  printf '{\n  "name": "energy-monitor",\n  "version": "%s",\n}\n' "$1" >"$tree/package.json"
  cp -r "$REPOSITORY/install.sh" "$tree/"
  cp -r "$REPOSITORY/systemd/installer" "$tree/systemd/"
  cp "$REPOSITORY/docker/.env.example" "$REPOSITORY/docker/compose.yaml" "$tree/docker/"
  printf '[Install]\nWantedBy=multi-user.target\n' >"$tree/systemd/energy-monitor.target"
  for unit in collector.service stack.service backup.timer; do
    printf '[Install]\nWantedBy=energy-monitor.target\n' >"$tree/systemd/energy-monitor-$unit"
  done
  echo '[Service]' >"$tree/systemd/energy-monitor-alert@.service"
  echo '[Service]' >"$tree/systemd/energy-monitor-backup.service"
  echo '[Service]' >"$tree/systemd/energy-monitor-.service.d/10-hardening.conf"
  echo 'u energy-monitor -' >"$tree/systemd/sysusers.conf"
  echo 'd /etc/energy-monitor' >"$tree/systemd/tmpfiles.conf"
  echo '# rules' >"$tree/systemd/udev.rules"
  printf '#!/bin/sh\nexit 0\n' >"$tree/node_modules/.bin/node"
  make_agent >"$tree/agent/energy-monitor"
  chmod +x "$tree/agent/energy-monitor" "$tree/node_modules/.bin/node"
  printf 'version %s\nplatform linux-x64\n' "$1" >"$tree/RELEASE"
  seal "$1"
}

seal() { (cd "$BOX/$1" && find . -type f ! -path ./SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >"$BOX/sums" && mv "$BOX/sums" SHA256SUMS); }

make_agent() {
  cat <<END
#!/bin/sh
echo "agent \$*" >>'$CALLS'
value_of() { while [ "\$1" != "\$2" ]; do shift; done; shift 2; }
case "\$*" in
  'config check'*) if grep -q wrong "\$4"; then echo "line 1: wrong: unknown key" >&2; exit 78; fi ;;
  collect*) trap 'exit 0' TERM; echo collecting; while :; do /bin/sleep 0.05; done ;;
  doctor*)
    if [ ! -e '$BOX/meter' ]; then exit 69; fi
    while [ "\$1" != --write ]; do shift; done
    printf 'meters:\n  - name: found\n' >"\$2" ;;
  'influxdb setup'*)
    while [ \$# -gt 0 ]; do
      case \$1 in
        --tokens-dir) echo secret-writer >"\$2/influxdb.token"; echo secret-reader >"\$2/influxdb-reader.token" ;;
        --operator-token-file) echo secret-operator >"\$2" ;;
      esac
      shift
    done ;;
esac
END
}

# setup VERSION OPTION...: runs install.sh of a release; bats' run keeps status and output.
setup_with() {
  local version=$1
  shift
  run "$BOX/$version/install.sh" "$@" </dev/null
}

calls() { grep -c -- "$1" "$CALLS" || true; }
forget_calls() { : >"$CALLS"; }
in_force() { readlink "$ROOT/opt/energy-monitor/current"; }
mode_of() { stat -c %a "$ROOT$1"; }
succeeds() {
  if [ "$status" -ne 0 ]; then
    echo "exit code $status: $output"
    return 1
  fi
}
fails_with() {
  if [ "$status" -ne "$1" ]; then
    echo "exit code $status instead of $1: $output"
    return 1
  fi
}
says() {
  case $output in
    *"$1"*) ;;
    *)
      echo "not said: $1; but: $output"
      return 1
      ;;
  esac
}
says_not() {
  case $output in *"$1"*) echo "said: $output" && return 1 ;; esac
}
