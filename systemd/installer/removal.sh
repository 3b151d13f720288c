# shellcheck shell=sh disable=SC2015,SC2034
# --uninstall and --purge.

# Data and settings stay, and so does the user, whom they belong to.
uninstall() {
  say "removing energy-monitor"
  remove_stack
  for unit in $(installed_units); do remove_unit "$unit"; done
  run systemctl daemon-reload
  run systemctl reset-failed 'energy-monitor*' 2>/dev/null || true
  run rm -f "$PROGRAM_LINK" "$SYSUSERS" "$TMPFILES" "$UDEV_RULES"
  reload_udev
  run rm -rf "$OPT" "$CACHE"
  [ "$ACTION" = purge ] ||
    say "removed. Kept: $ETC (settings, secrets), $STATE (the journal), the user $AGENT_USER; install.sh --purge removes them"
}

# What install.sh wrote, and what a run that was cut off may have written: names of a release, no drop-ins of a person.
installed_units() {
  {
    recall units
    units_of "$SOURCE"
  } | sort -u | while read -r unit; do
    [ ! -e "$UNITS/$unit" ] || printf '%s\n' "$unit"
  done
}

# Containers go, their volumes stay.
remove_stack() {
  [ -e "$STACK_ENV" ] && [ -d "$CURRENT/docker" ] && has_compose || return 0
  if [ "$ACTION" = purge ] && [ "$VOLUMES" = yes ]; then
    compose down --volumes || warn "docker compose could not remove the volumes; later: docker volume rm energy-monitor_influxdb-data energy-monitor_grafana-data"
  else
    compose down || warn "docker compose could not stop InfluxDB and Grafana; later: docker stop energy-monitor-influxdb-1 energy-monitor-grafana-1"
    say "the data of InfluxDB and Grafana stay in Docker's volumes energy-monitor_influxdb-data and energy-monitor_grafana-data"
  fi
}

purge() {
  [ "$YES" = yes ] || is_dry || is_talking ||
    fail usage "--purge removes all readings of this machine and asks first; without a terminal say --yes"
  [ "$YES" = yes ] || is_dry ||
    confirm "Remove all readings ($STATE), settings and secrets ($ETC)? Backups elsewhere stay." no ||
    fail usage "nothing was removed"
  uninstall
  # Root's own calls of the command line have compiled it as well.
  run rm -rf "$ROOT/root/.cache/energy-monitor"
  # There lies what a killed collector has not yet written: --uninstall leaves it to the next one.
  run rm -rf "$ROOT/run/energy-monitor"
  run rm -rf "$ETC" "$STATE" "$ROOT"/var/lib/systemd/timers/stamp-energy-monitor-*
  if getent passwd "$AGENT_USER" >/dev/null; then run userdel "$AGENT_USER" || warn "the user $AGENT_USER could not be removed; later: sudo userdel $AGENT_USER"; fi
  if getent group "$AGENT_USER" >/dev/null; then run groupdel "$AGENT_USER" || true; fi
  say "removed, with all data. What is left: $(what_is_left)"
}

# A person's own drop-ins are named, not removed.
what_is_left() {
  left=$(find "$UNITS" -name 'energy-monitor*' 2>/dev/null | tr '\n' ' ')
  printf '%s\n' "${left:-nothing}"
}
