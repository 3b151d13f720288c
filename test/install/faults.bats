# What goes wrong on the way: a full disk, a run that is cut off, a package that does not come, another language.

load box

setup() {
  make_box
  make_release 1.0.0
  make_release 2.0.0
}

first_installation() {
  setup_with 1.0.0 --yes
  succeeds
  forget_calls
}

@test "an upgrade that was cut off before its collector was up is taken back by the next run" {
  first_installation
  : >"$BOX/2.0.0/broken"
  seal 2.0.0
  # As far as a run comes whose power is cut: switched, and nobody knows yet whether it starts.
  setup_with 2.0.0 --yes --no-start
  succeeds
  setup_with 2.0.0 --yes
  fails_with 80
  says '1.0.0 is in force again'
  [ "$(in_force)" = releases/1.0.0 ]
  [ -e "$BOX/state/active-energy-monitor-collector.service" ]
}

@test "a unit that cannot be written ends the run, and the one before stays whole" {
  first_installation
  echo '# newer' >>"$BOX/2.0.0/systemd/energy-monitor-collector.service"
  seal 2.0.0
  unit=$ROOT/etc/systemd/system/energy-monitor-collector.service
  # As install(1) on a full disk: what was there is gone, and half of the new one is written.
  stand_in install <<END
for to; do :; done
case \$to in *energy-monitor-collector.service*) rm -f "\$to"; echo half >"\$to"; echo 'No space left on device' >&2; exit 1 ;; esac
exit 0
END
  setup_with 2.0.0 --yes
  [ "$status" -ne 0 ]
  says 'No space left on device'
  says_not 'is installed. Next'
  cmp "$BOX/1.0.0/systemd/energy-monitor-collector.service" "$unit"
}

@test "a secret that cannot be written leaves the one before" {
  first_installation
  echo old >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas"
  stand_in cat <<'END'
[ $# -gt 0 ] || { echo 'No space left on device' >&2; exit 1; }
exec /bin/cat "$@"
END
  # shellcheck disable=SC2016
  for caller in 'write_file "$file" 0600 root:root' 'write_file "$file" 0600 root:root || echo not written'; do
    run sh -c 'ENERGY_MONITOR_SOURCED=1 ENERGY_MONITOR_INSTALLER=$0 . "$0" && DRY_RUN=no && file=$1 && echo new | { eval "$2"; }' \
      "$BOX/1.0.0/install.sh" "$ROOT/etc/energy-monitor/backup-credentials/azure.sas" "$caller"
    [ "$(/bin/cat "$ROOT/etc/energy-monitor/backup-credentials/azure.sas")" = old ]
  done
}

@test "units that a run has copied before it was cut off are loaded by the next one" {
  first_installation
  # systemd says so of a file that is newer than what it has read.
  sed -i "s/^  show) /&case \$3 in NeedDaemonReload) cat '${BOX//\//\\/}\/old' 2>\/dev\/null || echo no; exit ;; esac; /" "$BOX/bin/systemctl"
  echo yes >"$BOX/old"
  setup_with 1.0.0 --yes
  succeeds
  [ "$(calls 'systemctl daemon-reload')" = 1 ]
}

@test "Docker that Debian's packages do not bring holds up nothing, and is told at the end" {
  rm "$BOX/bin/docker"
  stand_in docker <<<'exit 1'
  stand_in apt-cache <<<'echo "  Candidate: 2.26.1-4"'
  setup_with 1.0.0 --yes --docker
  fails_with 69
  says 'apt-get could not install docker.io'
  says 'the collector goes on without'
  [ -e "$BOX/state/active-energy-monitor-collector.service" ]
  [ -e "$BOX/state/active-energy-monitor-backup.timer" ]
}

@test "apt-cache is understood on a Pi that speaks German" {
  # shellcheck disable=SC2016
  stand_in apt-cache <<<'if [ "${LC_ALL:-$LANG}" = C ]; then echo "  Candidate: 2.26.1-4"; else echo "  Installationskandidat: 2.26.1-4"; fi'
  stand_in docker <<<"test -e '$BOX/compose'"
  stand_in apt-get <<<": >'$BOX/compose'"
  LANG=de_DE.UTF-8 setup_with 1.0.0 --yes --docker
  succeeds
}

@test "--uninstall leaves what a killed collector had not yet written" {
  first_installation
  mkdir -p "$ROOT/run/energy-monitor"
  echo reading >"$ROOT/run/energy-monitor/waiting"
  setup_with 1.0.0 --uninstall
  succeeds
  [ -e "$ROOT/run/energy-monitor/waiting" ]
  setup_with 1.0.0 --purge --yes
  succeeds
  [ ! -e "$ROOT/run/energy-monitor" ]
}

@test "a stateDir elsewhere is told with the drop-in that it needs, once" {
  mkdir -p "$ROOT/etc/energy-monitor"
  echo 'stateDir: "/mnt/ssd/state" # the disk' >"$ROOT/etc/energy-monitor/config.yaml"
  setup_with 1.0.0 --yes
  succeeds
  says 'stateDir is /mnt/ssd/state, where the units may not write'
  forget_calls
  printf '[Service]\nReadWritePaths=/mnt/ssd/state\n' >"$ROOT/etc/systemd/system/energy-monitor-.service.d/50-state.conf"
  setup_with 1.0.0 --yes
  succeeds
  says_not 'stateDir'
  # It runs without that drop-in yet.
  [ "$(calls 'systemctl start energy-monitor-collector.service')" = 1 ]
}

@test "tables that root has restored beside the configuration are handed over, secrets are not" {
  mkdir -p "$ROOT/etc/energy-monitor/"{tables,credentials}
  for file in config.yaml tables/mine.yaml credentials/x.yaml drill.key; do echo x >"$ROOT/etc/energy-monitor/$file"; done
  chmod 600 "$ROOT/etc/energy-monitor/"{config.yaml,tables/mine.yaml,credentials/x.yaml,drill.key}
  chmod 700 "$ROOT/etc/energy-monitor/tables"
  # The agent's user, who may not read what is root's alone.
  stand_in setpriv <<'END'
while [ "${1#--}" != "$1" ]; do shift; done
case "$*" in *"test -r "*) for path; do :; done; case $(stat -c %a "$path") in ?00) exit 1 ;; esac ;; esac
exec "$@"
END
  setup_with 1.0.0 --yes
  succeeds
  for file in config.yaml tables/mine.yaml; do [ "$(mode_of "/etc/energy-monitor/$file")" = 640 ]; done
  [ "$(mode_of /etc/energy-monitor/tables)" = 750 ]
  for file in credentials/x.yaml drill.key; do [ "$(mode_of "/etc/energy-monitor/$file")" = 600 ]; done
}

@test "a card that is nearly full holds up no new SAS, but a new release" {
  first_installation
  stand_in df <<<'printf "Filesystem 1024-blocks Used Available\nx 9 9 5000\n"'
  echo new >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas"
  succeeds
  setup_with 2.0.0 --yes
  fails_with 71
}
