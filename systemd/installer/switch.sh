# shellcheck shell=sh disable=SC2015,SC2034
# From one release to another, and back by itself when the collector does not come up.

# READY comes once the configuration is read and the loops run, also where no meter answers. A Pi 3 with a cold card is slow.
READY_TIMEOUT_S=90
PROGRESS_S=10
# Who falls over right after READY is not up.
STEADY_S=3

# switch_to NAME: links, units and whatever has to be restarted. Ends the run when it had to go back.
switch_to() {
  old=$(release_that_ran)
  old_previous=$(linked "$PREVIOUS")
  put_in_force "$1"
  if [ "$START" = no ]; then
    say "nothing was started (--no-start)"
    return 0
  fi
  set_up_databases "$(directory_of "$1")"
  if ! start_collector "$1"; then
    show_log
    go_back "$1"
  fi
  start_timers "$(directory_of "$1")"
}

# What to go back to: a run that was cut off may have left one in force whose collector never came up.
release_that_ran() {
  ran=$(recall proven)
  if [ -n "$ran" ] && [ -d "$RELEASES/$ran" ]; then printf '%s\n' "$ran"; else linked "$CURRENT"; fi
}

put_in_force() {
  if [ -z "$old" ] || [ "$old" = "$1" ]; then
    [ "$old_previous" != "$1" ] || run rm -f "$PREVIOUS"
  elif [ "$old_previous" != "$old" ]; then
    link "$PREVIOUS" "$old"
  fi
  [ "$(linked "$CURRENT")" = "$1" ] || link "$CURRENT" "$1"
  if [ "$(readlink "$PROGRAM_LINK" 2>/dev/null)" != "$CURRENT/agent/energy-monitor" ]; then
    run mkdir -p "$(dirname "$PROGRAM_LINK")"
    run ln -sfn "$CURRENT/agent/energy-monitor" "$PROGRAM_LINK"
  fi
  install_units "$(directory_of "$1")"
  enable_units "$(directory_of "$1")"
}

# Restarted only when something of it has changed, or when it does not run.
start_collector() {
  is_dry && run systemctl restart "$COLLECTOR" && return 0
  now=$(collector_fingerprint "$RELEASES/$1")
  if [ "$(recall collector)" = "$now" ] && systemctl is-active --quiet "$COLLECTOR"; then
    say "the collector runs already, and nothing of it has changed"
    remember proven "$1"
    return 0
  fi
  say "starting the collector, and waiting until it is ready"
  STARTED=$(date '+%Y-%m-%d %H:%M:%S')
  systemctl reset-failed "$COLLECTOR" 2>/dev/null || true
  # Whatever comes of it: what runs from now on is not what was remembered.
  remember collector unknown
  # One that hangs takes its time to go, which is not the next one's.
  systemctl stop "$COLLECTOR" 2>/dev/null || true
  until_ready || return 1
  sleep "$STEADY_S"
  [ "$(property ActiveState)" = active ] && [ "$(property NRestarts)" = 0 ] || return 1
  remember collector "$now"
  remember collector-release "$1"
  remember proven "$1"
}

property() { systemctl show -P "$1" "$COLLECTOR"; }

cpu_ns() { property CPUUsageNSec | grep -x '[0-9]*' || echo 0; }

# Who is still at work after that time brings years of readings into a new form: then systemd's own limit holds.
until_ready() {
  timeout "$READY_TIMEOUT_S" systemctl start "$COLLECTOR" && return 0
  used=$(cpu_ns)
  while sleep "$PROGRESS_S" && [ "$(property SubState)" = start ]; do
    before=$used
    used=$(cpu_ns)
    [ $((used - before)) -gt 1000000000 ] || return 1
  done
  [ "$(property ActiveState)" = active ]
}

show_log() {
  say "the last lines of the collector's log:" >&2
  journalctl -u "$COLLECTOR" --since "$STARTED" -n 20 --no-pager -o cat >&2 || true
}

# Ends the run. A release that came up before does so again; there is nothing to go back to at the first installation.
go_back() {
  if [ -z "$old" ] || [ "$old" = "$1" ] || [ ! -d "$RELEASES/$old" ]; then
    fail not-started "the collector of release $1 is installed and did not start; mend what its log says (above), then: sudo systemctl restart $COLLECTOR"
  fi
  warn "release $1 did not start; going back to $old"
  link "$CURRENT" "$old"
  if [ -n "$old_previous" ] && [ "$old_previous" != "$old" ]; then link "$PREVIOUS" "$old_previous"; else run rm -f "$PREVIOUS"; fi
  system_files "$RELEASES/$old"
  install_units "$RELEASES/$old"
  enable_units "$RELEASES/$old"
  if start_collector "$old"; then
    start_timers "$RELEASES/$old"
    fail rolled-back "release $1 did not start (its log is above); $old is in force again and runs; report the log, or take another release"
  fi
  fail not-started "release $1 did not start, and $old, which is in force again, neither; look at: journalctl -u $COLLECTOR -e"
}

# The command --rollback.
roll_back() {
  target=$(linked "$PREVIOUS")
  [ -n "$target" ] && [ -d "$RELEASES/$target" ] ||
    fail missing "there is no release before $(linked "$CURRENT") in $RELEASES; unpack the one you want and run its install.sh"
  say "going back from $(linked "$CURRENT") to $target"
  try_release "$RELEASES/$target"
  system_files "$RELEASES/$target"
  check_config "$RELEASES/$target" "$CONFIG"
  switch_to "$target"
  say "release $target is in force; --rollback again goes to $(linked "$PREVIOUS")"
}
