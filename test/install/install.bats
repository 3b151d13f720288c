# From nothing to a running collector, and the same command again.

load box

setup() {
  make_box
  make_release 1.0.0
}

@test "a fresh machine gets user, release, links, configuration, units, and a collector that runs" {
  setup_with 1.0.0 --yes
  succeeds
  [ "$(in_force)" = releases/1.0.0 ]
  [ "$(readlink "$ROOT/usr/local/bin/energy-monitor")" = "$ROOT/opt/energy-monitor/current/agent/energy-monitor" ]
  [ ! -e "$ROOT/opt/energy-monitor/previous" ]
  [ "$(calls 'systemd-sysusers')" = 1 ]
  [ "$(calls 'systemctl start energy-monitor-collector.service')" = 1 ]
  [ -e "$BOX/state/active-energy-monitor-backup.timer" ]
  cmp "$BOX/1.0.0/systemd/udev.rules" "$ROOT/etc/udev/rules.d/60-energy-monitor.rules"
  says 'energy-monitor 1.0.0 is installed'
  says 'sudo energy-monitor status'
}

@test "directories and files have the modes that keep secrets to root" {
  setup_with 1.0.0 --yes
  succeeds
  [ "$(mode_of /etc/energy-monitor)" = 750 ]
  [ "$(mode_of /etc/energy-monitor/config.yaml)" = 640 ]
  [ "$(mode_of /etc/energy-monitor/credentials)" = 700 ]
  [ "$(mode_of /etc/energy-monitor/backup-credentials)" = 700 ]
  [ "$(mode_of /var/lib/energy-monitor)" = 750 ]
  [ -z "$(find "$ROOT/opt/energy-monitor" ! -type l -perm /022)" ]
  [ "$(calls 'chown root:energy-monitor')" = 1 ]
}

@test "the configuration has what the flags say, and the adapter of udev without them" {
  setup_with 1.0.0 --yes --tcp 192.168.1.50:502 --model sdm630 --unit 7
  succeeds
  grep -q 'model: "sdm630"' "$ROOT/etc/energy-monitor/config.yaml"
  grep -q 'unit: 7' "$ROOT/etc/energy-monitor/config.yaml"
  grep -q 'connection: {tcp: "192.168.1.50:502"}' "$ROOT/etc/energy-monitor/config.yaml"
  rm "$ROOT/etc/energy-monitor/config.yaml"
  setup_with 1.0.0 --yes
  grep -q 'connection: {serial: "/dev/energy-meter"}' "$ROOT/etc/energy-monitor/config.yaml"
}

@test "the page is on this machine alone, for the network, or nowhere, and the end says where" {
  setup_with 1.0.0 --yes
  succeeds
  says 'http://localhost:8515   the page'
  run grep "^web:" "$ROOT/etc/energy-monitor/config.yaml"
  [ "$status" = 1 ]
  for_page() {
    rm "$ROOT/etc/energy-monitor/config.yaml"
    setup_with 1.0.0 --yes --page "$1"
    succeeds
  }
  for_page lan
  grep -qx 'web: {listen: "0.0.0.0:8515"}' "$ROOT/etc/energy-monitor/config.yaml"
  says 'for everybody in the network'
  for_page 192.168.1.20:8080
  grep -qx 'web: {listen: "192.168.1.20:8080"}' "$ROOT/etc/energy-monitor/config.yaml"
  says 'http://192.168.1.20:8080   the page'
  for_page off
  grep -qx 'web: {listen: "off"}' "$ROOT/etc/energy-monitor/config.yaml"
  says_not 'the page'
}

@test "an adapter that udev knows no name for is taken when it is alone" {
  rm "$ROOT/dev/energy-meter"
  : >"$ROOT/dev/serial/by-id/usb-Maker_Adapter-if00-port0"
  setup_with 1.0.0 --yes
  succeeds
  grep -q 'serial: "/dev/serial/by-id/usb-Maker_Adapter-if00-port0"' "$ROOT/etc/energy-monitor/config.yaml"
}

@test "doctor looks for the meter; where it finds none, the defaults wait for one" {
  : >"$BOX/meter"
  setup_with 1.0.0 --yes --find
  succeeds
  grep -q 'name: found' "$ROOT/etc/energy-monitor/config.yaml"
  rm "$BOX/meter" "$ROOT/etc/energy-monitor/config.yaml"
  setup_with 1.0.0 --yes --find
  succeeds
  says 'doctor found no meter'
  grep -q 'name: house' "$ROOT/etc/energy-monitor/config.yaml"
}

@test "the same command again changes nothing and restarts nothing" {
  setup_with 1.0.0 --yes
  find "$ROOT" -printf '%p %T@ %i\n' | grep -v -e /run/ -e installed | sort >"$BOX/before"
  forget_calls
  setup_with 1.0.0 --yes
  succeeds
  find "$ROOT" -printf '%p %T@ %i\n' | grep -v -e /run/ -e installed | sort >"$BOX/after"
  diff "$BOX/before" "$BOX/after"
  [ "$(calls 'systemctl daemon-reload')" = 0 ]
  [ "$(calls 'systemctl \(re\)*start energy-monitor-collector')" = 0 ]
  [ "$(calls 'systemctl restart')" = 0 ]
  [ "$(calls 'systemctl enable')" = 0 ]
  [ "$(calls 'agent collect')" = 0 ]
}

@test "a collector that is down, a changed configuration and a new credential are each started with" {
  setup_with 1.0.0 --yes
  for change in "rm $BOX/state/active-energy-monitor-collector.service" \
    "sed -i s/house/flat/ $ROOT/etc/energy-monitor/config.yaml" "touch $ROOT/etc/energy-monitor/credentials/x.token"; do
    forget_calls
    $change
    setup_with 1.0.0 --yes
    succeeds
    [ "$(calls 'systemctl start energy-monitor-collector.service')" = 1 ]
  done
}

@test "what a person has disabled stays so" {
  setup_with 1.0.0 --yes
  rm "$BOX/state/enabled-energy-monitor-backup.timer" "$BOX/state/active-energy-monitor-backup.timer"
  setup_with 1.0.0 --yes
  succeeds
  [ ! -e "$BOX/state/enabled-energy-monitor-backup.timer" ]
  [ ! -e "$BOX/state/active-energy-monitor-backup.timer" ]
}

@test "a configuration that is there is kept, and what was said of the meter is not used" {
  mkdir -p "$ROOT/etc/energy-monitor"
  echo 'meters: mine' >"$ROOT/etc/energy-monitor/config.yaml"
  setup_with 1.0.0 --yes --serial /dev/ttyUSB7
  succeeds
  says 'stays as it is'
  [ "$(cat "$ROOT/etc/energy-monitor/config.yaml")" = 'meters: mine' ]
}

@test "--no-start installs and starts nothing; the next run does" {
  setup_with 1.0.0 --yes --no-start
  succeeds
  [ "$(calls 'systemctl start')" = 0 ]
  setup_with 1.0.0 --yes
  [ "$(calls 'systemctl start energy-monitor-collector.service')" = 1 ]
}

@test "--dry-run changes nothing, needs no root, and tells the commands" {
  stand_in id <<<'echo 1000'
  find "$ROOT" | sort >"$BOX/before"
  setup_with 1.0.0 --yes --dry-run --docker
  fails_with 69
  stand_in docker <<<'exit 0'
  setup_with 1.0.0 --yes --dry-run --docker
  succeeds
  find "$ROOT" | sort | diff "$BOX/before" -
  says 'would run: systemctl restart energy-monitor-collector.service'
  says 'nothing was changed'
  [ "$(calls 'systemd-sysusers')" = 0 ]
  [ "$(calls 'agent')" = 0 ]
}

@test "a collector that does not start at the first installation is told with its log" {
  : >"$BOX/1.0.0/broken"
  seal 1.0.0
  setup_with 1.0.0 --yes
  fails_with 81
  says 'the log of the collector'
  says 'mend what its log says'
}

@test "its parts can be sourced without doing anything" {
  run sh -c 'ENERGY_MONITOR_SOURCED=1 ENERGY_MONITOR_INSTALLER=$0 . "$0" && exit_code config' "$BOX/1.0.0/install.sh"
  succeeds
  [ "$output" = 78 ]
}
