# --uninstall keeps what is a person's, --purge does not.

load box

setup() {
  make_box
  make_release 1.0.0
  setup_with 1.0.0 --yes
  succeeds
  echo reading >"$ROOT/var/lib/energy-monitor/journal.db"
  forget_calls
}

@test "--uninstall removes program, units and links; settings, journal and user stay" {
  run "$ROOT/opt/energy-monitor/current/install.sh" --uninstall
  succeeds
  says '/var/lib/energy-monitor'
  [ -e "$ROOT/etc/energy-monitor/config.yaml" ]
  [ -e "$ROOT/var/lib/energy-monitor/journal.db" ]
  [ -e "$BOX/state/user" ]
  [ -z "$(find "$ROOT/etc/systemd" "$ROOT/opt" "$ROOT/usr" "$ROOT/var/cache" -name '*energy-monitor*')" ]
  [ -z "$(find "$BOX/state" -name '*energy-monitor*')" ]
  [ ! -e "$ROOT/etc/udev/rules.d/60-energy-monitor.rules" ]
}

@test "after --uninstall an installation goes on with what was kept" {
  setup_with 1.0.0 --uninstall
  cp "$ROOT/etc/energy-monitor/config.yaml" "$BOX/before"
  setup_with 1.0.0 --yes
  succeeds
  cmp "$BOX/before" "$ROOT/etc/energy-monitor/config.yaml"
  [ -e "$ROOT/var/lib/energy-monitor/journal.db" ]
  [ -e "$BOX/state/active-energy-monitor-collector.service" ]
}

@test "--purge without a terminal needs --yes" {
  setup_with 1.0.0 --purge
  fails_with 64
  [ -e "$ROOT/opt/energy-monitor/current" ]
  [ -e "$ROOT/var/lib/energy-monitor/journal.db" ]
}

@test "--purge --yes leaves nothing; drop-ins of a person are named" {
  mkdir -p "$ROOT/etc/systemd/system/energy-monitor-collector.service.d"
  : >"$ROOT/etc/systemd/system/energy-monitor-collector.service.d/mine.conf"
  setup_with 1.0.0 --purge --yes
  succeeds
  says energy-monitor-collector.service.d
  rm -r "$ROOT/etc/systemd/system/energy-monitor-collector.service.d"
  [ -z "$(find "$ROOT" -name '*energy-monitor*' ! -name '*.lock')" ]
  [ ! -e "$BOX/state/user" ]
}

@test "--uninstall and --purge with --dry-run only tell" {
  for action in --uninstall --purge; do
    find "$ROOT" | sort >"$BOX/before"
    setup_with 1.0.0 $action --yes --dry-run
    succeeds
    says "would run: rm -rf $ROOT/opt/energy-monitor"
    find "$ROOT" | sort | diff "$BOX/before" -
  done
}

@test "containers go and their data stay, unless --volumes says otherwise" {
  stand_in docker <<<'exit 0'
  setup_with 1.0.0 --yes --docker
  setup_with 1.0.0 --purge --yes
  succeeds
  says "stay in Docker's volumes"
  [ "$(calls 'docker compose .* down$')" = 1 ]
  setup_with 1.0.0 --yes --docker
  setup_with 1.0.0 --purge --yes --volumes
  succeeds
  [ "$(calls 'docker compose .* down --volumes$')" = 1 ]
}
