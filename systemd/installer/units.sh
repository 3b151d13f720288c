# shellcheck shell=sh disable=SC2015,SC2034
# The units of a release in /etc/systemd/system: only what differs is written, and only what was written is taken away.

COLLECTOR=energy-monitor-collector.service
STACK=energy-monitor-stack.service
TARGET=energy-monitor.target

# Names of units and drop-ins below DIRECTORY/systemd, one a line.
units_of() {
  (
    cd "$1/systemd" 2>/dev/null || exit 0
    for path in energy-monitor*.service energy-monitor*.timer energy-monitor*.target energy-monitor*.socket \
      energy-monitor*.path energy-monitor*.slice energy-monitor*.d/*.conf; do
      [ ! -f "$path" ] || printf '%s\n' "$path"
    done
  )
}

# install_units RELEASE: sets CHANGED_UNITS to the names of those that are new or were others.
install_units() {
  CHANGED_UNITS=
  gone=
  is_dry || rm -f "$UNITS"/energy-monitor*.new-* "$UNITS"/energy-monitor*.d/*.new-*
  for unit in $(units_of "$1"); do
    if copy_changed "$1/systemd/$unit" "$UNITS/$unit"; then CHANGED_UNITS="$CHANGED_UNITS $unit"; fi
  done
  for unit in $(recall units); do
    if [ ! -e "$1/systemd/$unit" ]; then
      remove_unit "$unit"
      gone=yes
    fi
  done
  remember units "$(units_of "$1")"
  if [ -n "$CHANGED_UNITS$gone" ] || is_outdated "$1"; then run systemctl daemon-reload; fi
}

# systemd has an older unit than the file: a run was cut off here, or a person has changed a drop-in.
is_outdated() {
  for unit in $(units_of "$1"); do
    case $unit in *@.* | *.d/*) continue ;; esac
    [ "$(systemctl show -P NeedDaemonReload "$unit" 2>/dev/null)" != yes ] || return 0
  done
  return 1
}

remove_unit() {
  case $1 in
    *.d/* | *@.*) ;;
    *) run systemctl disable --now --quiet "$1" || true ;;
  esac
  run rm -f "$UNITS/$1"
  case $1 in */*) is_dry || rmdir "$UNITS/${1%/*}" 2>/dev/null || true ;; esac
  is_dry || forget_enabled "$1"
}

# What a person has disabled stays so: each unit is enabled once, when it comes.
enable_units() {
  for unit in $(units_of "$1"); do
    case $unit in *@.* | *.d/*) continue ;; esac
    grep -q '^\[Install\]' "$1/systemd/$unit" || continue
    if [ "$unit" = "$STACK" ] && [ "$DOCKER" != yes ]; then continue; fi
    if recall enabled | grep -qxF "$unit"; then continue; fi
    run systemctl enable --quiet "$unit"
    remember enabled "$(recall enabled)
$unit"
  done
}

forget_enabled() { remember enabled "$(recall enabled | grep -vxF "$1" || true)"; }

is_changed() { case " $CHANGED_UNITS " in *" $1 "*) true ;; *) false ;; esac; }

# Timers count from their start, so only a changed one is restarted.
start_timers() {
  for unit in $(units_of "$1"); do
    case $unit in *.timer) ;; *) continue ;; esac
    is_dry || systemctl is-enabled --quiet "$unit" || continue
    if is_changed "$unit"; then run systemctl restart "$unit"; else run systemctl start "$unit"; fi
  done
  run systemctl start --no-block "$TARGET"
}

# What the collector's process is made of; it tells its version from package.json.
collector_fingerprint() {
  fingerprint "$1/agent" "$1/package.json" "$1/package-lock.json" "$1/systemd/$COLLECTOR" "$UNITS"/energy-monitor-.service.d \
    "$1/systemd/$COLLECTOR.d" "$UNITS/$COLLECTOR.d" "$CONFIG" "$CREDENTIALS"
}
