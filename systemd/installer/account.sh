# shellcheck shell=sh disable=SC2015,SC2034
# The user, the directories, the name of the serial port.

# system_files RELEASE: sets CHANGED_UDEV when the rules of devices are others.
system_files() {
  CHANGED_UDEV=no
  if copy_changed "$1/systemd/sysusers.conf" "$SYSUSERS" || ! getent passwd "$AGENT_USER" >/dev/null; then
    run systemd-sysusers "$SYSUSERS"
  fi
  is_dry || getent passwd "$AGENT_USER" >/dev/null ||
    fail damaged "the user $AGENT_USER was not made by $SYSUSERS; unpack the release again"
  copy_changed "$1/systemd/tmpfiles.conf" "$TMPFILES" || true
  make_directories
  [ ! -e "$TMPFILES" ] || run systemd-tmpfiles --create "$TMPFILES"
  if copy_changed "$1/systemd/udev.rules" "$UDEV_RULES"; then CHANGED_UDEV=yes; fi
  [ $CHANGED_UDEV = no ] || reload_udev
}

# copy_changed FROM TO: true when TO is new or was another. A file that the release does not have goes. It is asked as a
# condition, where `set -e` is off: what cannot be written ends the run here.
copy_changed() {
  if [ ! -e "$1" ]; then
    [ -e "$2" ] || return 1
    run rm -f "$2"
    return 0
  fi
  ! cmp -s "$1" "$2" || return 1
  if is_dry; then
    run install -D -m 0644 "$1" "$2"
  elif ! place_file "$1" "$2"; then
    rm -f "$2.new-$$"
    fail machine "$2 could not be written; mend that (df -h) and run it again; the file before is still there"
  fi
}

# place_file FROM TO: whole or not at all, also after a power cut: without its unit no collector starts.
place_file() {
  install -D -m 0644 "$1" "$2.new-$$" && sync "$2.new-$$" && mv -f "$2.new-$$" "$2"
}

# owned_directory PATH MODE OWNER GROUP
owned_directory() { run install -d -m "$2" -o "$3" -g "$4" "$1"; }

# What a restore as root has brought before (README, Move to a new Pi) belongs to the units from now on.
hand_over() {
  [ ! -d "$STATE" ] || [ "$(stat -c %U "$STATE")" = "$AGENT_USER" ] ||
    run chown --recursive --no-dereference "$AGENT_USER:$AGENT_USER" "$STATE"
  # Register tables lie beside the configuration; what is not YAML may be a secret.
  [ ! -d "$ETC" ] || find "$ETC" \( -path "$CREDENTIALS" -o -path "$BACKUP_CREDENTIALS" -o -path "$GRAFANA_SECRETS" \) -prune -o \
    \( -type d -o -name '*.yaml' -o -name '*.yml' \) ! -type l -print | while IFS= read -r path; do
    is_dry || as_agent test -r "$path" && continue
    run chown "root:$AGENT_USER" "$path"
    run chmod g+rX,o= "$path"
  done
}

make_directories() {
  owned_directory "$ETC" 0750 root "$AGENT_USER"
  owned_directory "$CREDENTIALS" 0700 root root
  owned_directory "$BACKUP_CREDENTIALS" 0700 root root
  hand_over
  owned_directory "$STATE" 0750 "$AGENT_USER" "$AGENT_USER"
  owned_directory "$CACHE" 0755 "$AGENT_USER" "$AGENT_USER"
  # In a directory of the agent's root follows no links: all there is done as that user.
  run as_agent mkdir -p "$COMPILE_CACHE"
}

# In a container there is none.
reload_udev() {
  [ -e "$ROOT/run/udev/control" ] || return 0
  run udevadm control --reload || warn "udev did not take the rules; they are in force after a restart"
  run udevadm trigger --action=change --subsystem-match=tty --settle || true
}

# Runs a command as the agent's user with nothing of root's environment, nor the lock of this run; dialout is for the serial
# port.
exec_as_agent() {
  cd /
  exec setpriv --reuid="$AGENT_USER" --regid="$AGENT_USER" --groups="$AGENT_USER,dialout" \
    env -i PATH="$PATH" HOME="$STATE" TERM="${TERM:-dumb}" NODE_COMPILE_CACHE="$COMPILE_CACHE" "$@" 9>&-
}

as_agent() { (exec_as_agent "$@"); }

# The first start of a release compiles some hundred modules; as the same user, so that the collector may read what comes
# of it. Two meters that nobody has: what a collector loads for serial ports and for networks.
warm_cache() {
  [ "$(recall warmed)" != "$NAME $CONTENT" ] || return 0
  is_dry && say "would compile the modules of $NAME into $COMPILE_CACHE" && return 0
  as_agent find "$COMPILE_CACHE" -mindepth 1 -delete
  try=$(as_agent mktemp -d "$CACHE/warm.XXXXXX")
  # shellcheck disable=SC2016
  as_agent sh -c 'mkdir "$1/state" && cat >"$1/config.yaml"' sh "$try" <<END
stateDir: $try/state
meters:
  - {name: a, model: we-515, connection: {serial: $try/none}}
  - {name: b, model: we-515, connection: {tcp: 127.0.0.1:9}}
influxdb: {url: 'http://127.0.0.1:9'}
web: {listen: off}
END
  : >"$WORK/warm.log"
  as_agent "$RELEASE/agent/energy-monitor" host-metrics --print --config "$try/config.yaml" >/dev/null 2>&1 || true
  exec_as_agent "$RELEASE/agent/energy-monitor" collect --config "$try/config.yaml" >"$WORK/warm.log" 2>&1 &
  warming=$!
  tries=0
  while [ $tries -lt 60 ] && is_running $warming && ! grep -q collecting "$WORK/warm.log"; do
    sleep 0.5
    tries=$((tries + 1))
  done
  # Threads of their own begin after that line.
  sleep 1
  end_process $warming
  warming=
  rm -rf "$try"
  remember warmed "$NAME $CONTENT"
}

# is_running PID: a child of ours that has not ended. The number of one that has can be another process's by now.
is_running() {
  grep -q "^PPid:[[:space:]]*$$\$" "/proc/$1/status" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# end_process PID, a child: kindly, then not.
end_process() {
  ! is_running "$1" || kill -TERM "$1" 2>/dev/null || true
  tries=0
  while [ $tries -lt 40 ] && is_running "$1"; do
    sleep 0.25
    tries=$((tries + 1))
  done
  ! is_running "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
