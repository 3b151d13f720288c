# From one release to another, and back.

load box

setup() {
  make_box
  make_release 1.0.0
  make_release 2.0.0
  setup_with 1.0.0 --yes
  succeeds
  forget_calls
}

@test "an upgrade checks the configuration with the new release, switches, and keeps the old one" {
  setup_with 2.0.0 --yes
  succeeds
  [ "$(in_force)" = releases/2.0.0 ]
  [ "$(readlink "$ROOT/opt/energy-monitor/previous")" = releases/1.0.0 ]
  [ "$(calls 'agent config check')" = 1 ]
  [ "$(calls 'systemctl start energy-monitor-collector.service')" = 1 ]
}

@test "of three releases two stay" {
  setup_with 2.0.0 --yes
  make_release 3.0.0
  setup_with 3.0.0 --yes
  succeeds
  [ "$(echo "$ROOT"/opt/energy-monitor/releases/*)" = "$ROOT/opt/energy-monitor/releases/2.0.0 $ROOT/opt/energy-monitor/releases/3.0.0" ]
}

@test "a release that changes nothing of the collector does not restart it, and the release it runs from stays" {
  for version in 1.0.1 1.0.2; do
    cp -r "$BOX/1.0.0" "$BOX/$version"
    echo "$version" >"$BOX/$version/README.md"
    seal "$version"
    setup_with "$version" --yes
    succeeds
  done
  [ "$(calls 'systemctl \(re\)*start energy-monitor-collector')" = 0 ]
  [ -d "$ROOT/opt/energy-monitor/releases/1.0.0" ]
}

@test "a new release that does not start is undone: links, units, files, and the old collector runs" {
  : >"$BOX/2.0.0/broken"
  echo '# newer' >>"$BOX/2.0.0/systemd/energy-monitor-collector.service"
  echo '# newer' >>"$BOX/2.0.0/systemd/udev.rules"
  : >"$BOX/2.0.0/systemd/energy-monitor-extra.service"
  seal 2.0.0
  setup_with 2.0.0 --yes
  fails_with 80
  says 'the log of the collector'
  says '1.0.0 is in force again'
  [ "$(in_force)" = releases/1.0.0 ]
  [ ! -e "$ROOT/opt/energy-monitor/previous" ]
  cmp "$BOX/1.0.0/systemd/energy-monitor-collector.service" "$ROOT/etc/systemd/system/energy-monitor-collector.service"
  cmp "$BOX/1.0.0/systemd/udev.rules" "$ROOT/etc/udev/rules.d/60-energy-monitor.rules"
  [ ! -e "$ROOT/etc/systemd/system/energy-monitor-extra.service" ]
  [ -e "$BOX/state/active-energy-monitor-collector.service" ]
}

@test "where the old one does not start either, that is said" {
  : >"$BOX/2.0.0/broken"
  seal 2.0.0
  : >"$ROOT/opt/energy-monitor/releases/1.0.0/broken"
  setup_with 2.0.0 --yes
  fails_with 81
  says 'and 1.0.0, which is in force again, neither'
}

@test "a configuration that the new release does not accept stops the upgrade before the switch" {
  echo 'wrong: 1' >>"$ROOT/etc/energy-monitor/config.yaml"
  setup_with 2.0.0 --yes
  fails_with 78
  says 'line 1: wrong: unknown key'
  [ "$(in_force)" = releases/1.0.0 ]
  [ "$(calls 'systemctl start')" = 0 ]
}

@test "--rollback goes to the release before, and again to the other" {
  setup_with 2.0.0 --yes
  setup_with 2.0.0 --rollback
  succeeds
  [ "$(in_force)" = releases/1.0.0 ]
  run "$ROOT/opt/energy-monitor/current/install.sh" --rollback
  succeeds
  [ "$(in_force)" = releases/2.0.0 ]
}

@test "--rollback without a release before says so" {
  setup_with 1.0.0 --rollback
  fails_with 69
  says 'there is no release before 1.0.0'
}

@test "the same version with other content has a place of its own" {
  echo '# other' >>"$BOX/1.0.0/agent/energy-monitor"
  seal 1.0.0
  setup_with 1.0.0 --yes
  succeeds
  case $(in_force) in releases/1.0.0+????????) ;; *) in_force && return 1 ;; esac
  [ "$(readlink "$ROOT/opt/energy-monitor/previous")" = releases/1.0.0 ]
}

@test "a release that the card has damaged is placed again beside it" {
  echo damaged >>"$ROOT/opt/energy-monitor/releases/1.0.0/docker/compose.yaml"
  setup_with 1.0.0 --yes
  succeeds
  case $(in_force) in releases/1.0.0+????????) ;; *) in_force && return 1 ;; esac
  cmp "$BOX/1.0.0/docker/compose.yaml" "$ROOT/opt/energy-monitor/current/docker/compose.yaml"
}

@test "units that the new release no longer has go; those and drop-ins of a person stay" {
  rm "$BOX/2.0.0/systemd/energy-monitor-backup.timer"
  seal 2.0.0
  mkdir -p "$ROOT/etc/systemd/system/energy-monitor-collector.service.d"
  : >"$ROOT/etc/systemd/system/energy-monitor-collector.service.d/mine.conf"
  : >"$ROOT/etc/systemd/system/energy-monitor-mine.service"
  setup_with 2.0.0 --yes
  succeeds
  [ ! -e "$ROOT/etc/systemd/system/energy-monitor-backup.timer" ]
  [ "$(calls 'systemctl disable --now --quiet energy-monitor-backup.timer')" = 1 ]
  [ -e "$ROOT/etc/systemd/system/energy-monitor-collector.service.d/mine.conf" ]
  [ -e "$ROOT/etc/systemd/system/energy-monitor-mine.service" ]
}

@test "a changed unit is copied and loaded; a changed timer is restarted" {
  echo '# newer' >>"$BOX/2.0.0/systemd/energy-monitor-backup.timer"
  seal 2.0.0
  setup_with 2.0.0 --yes
  succeeds
  [ "$(calls 'systemctl daemon-reload')" = 1 ]
  [ "$(calls 'systemctl restart energy-monitor-backup.timer')" = 1 ]
  cmp "$BOX/2.0.0/systemd/energy-monitor-backup.timer" "$ROOT/etc/systemd/system/energy-monitor-backup.timer"
}

@test "a damaged release, one that lacks a file and one of another platform change nothing" {
  echo bad >>"$BOX/2.0.0/agent/energy-monitor"
  setup_with 2.0.0 --yes
  fails_with 65
  says './agent/energy-monitor'
  make_release 2.0.0
  rm "$BOX/2.0.0/docker/compose.yaml"
  setup_with 2.0.0 --yes
  fails_with 65
  says './docker/compose.yaml'
  make_release 2.0.0
  stand_in dpkg <<<'echo arm64'
  setup_with 2.0.0 --yes
  fails_with 71
  [ ! -e "$ROOT/opt/energy-monitor/releases/2.0.0" ]
}

@test "half a release of a run that was cut off is removed" {
  mkdir "$ROOT/opt/energy-monitor/releases/2.0.0.tmp-1"
  setup_with 2.0.0 --yes
  succeeds
  [ ! -e "$ROOT/opt/energy-monitor/releases/2.0.0.tmp-1" ]
}

@test "of two runs at a time the second one ends" {
  exec 8>"$ROOT/run/energy-monitor-install.lock"
  flock -n 8
  setup_with 2.0.0 --yes
  fails_with 75
  exec 8>&-
}

@test "a checkout gets its packages from npm, into the release and nowhere else" {
  rm "$BOX/2.0.0/RELEASE" "$BOX/2.0.0/SHA256SUMS"
  mv "$BOX/2.0.0/node_modules" "$BOX/packages"
  touch "$BOX/2.0.0/"{package-lock.json,.npmrc,README.md,CHANGELOG.md,ARCHITECTURE.md,LICENSE}
  mkdir -p "$BOX/2.0.0/terraform" "$BOX/2.0.0/docker/secrets"
  echo secret >"$BOX/2.0.0/docker/secrets/grafana-admin.password"
  echo secret >"$BOX/2.0.0/terraform/terraform.tfvars"
  stand_in npm <<<"cp -r '$BOX/packages' node_modules"
  setup_with 2.0.0 --yes
  succeeds
  [ "$(calls 'npm ci --omit=dev --ignore-scripts')" = 1 ]
  [ -x "$ROOT/opt/energy-monitor/releases/2.0.0/node_modules/.bin/node" ]
  [ ! -e "$BOX/2.0.0/node_modules" ]
  [ ! -e "$ROOT/opt/energy-monitor/releases/2.0.0/docker/secrets" ]
  [ ! -e "$ROOT/opt/energy-monitor/releases/2.0.0/terraform/terraform.tfvars" ]
}

@test "without the network a checkout leaves everything as it was" {
  rm "$BOX/2.0.0/RELEASE" "$BOX/2.0.0/SHA256SUMS"
  touch "$BOX/2.0.0/"{package-lock.json,.npmrc,README.md,CHANGELOG.md,ARCHITECTURE.md,LICENSE}
  mkdir -p "$BOX/2.0.0/terraform"
  stand_in npm <<<'echo ENOTFOUND; exit 1'
  setup_with 2.0.0 --yes
  fails_with 69
  says ENOTFOUND
  [ "$(ls "$ROOT/opt/energy-monitor/releases")" = 1.0.0 ]
}
