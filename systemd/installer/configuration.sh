# shellcheck shell=sh disable=SC2015,SC2034,SC2153
# /etc/energy-monitor/config.yaml: one that is there is never written to; a new one is made of flags, answers and doctor.

DEFAULT_SERIAL=/dev/energy-meter
DEFAULT_MODEL=we-515

has_config() { [ -e "$CONFIG" ]; }

# Before anything is changed, so that nobody has to wait for a question.
ask_questions() {
  if has_config; then
    [ -z "$SERIAL$TCP$MODEL$UNIT$PAGE" ] && [ "$FIND" = no ] ||
      warn "$CONFIG is there and stays as it is: what was said of the meter and the page is not used; change it there"
    return 0
  fi
  ask_meter
  ask_page
  ask_database
  [ -z "$AZURE_URL" ] || [ -n "$RECIPIENT" ] || is_talking || is_dry ||
    fail usage "backups need the public half of a recovery key, --recipient age1...; make one with: $SOURCE/agent/energy-monitor backup keygen"
}

ask_meter() {
  [ -z "$SERIAL$TCP" ] && [ "$FIND" = no ] && is_talking || return 0
  found=$(adapters)
  if [ -n "$found" ]; then
    say "Serial adapters here:" "$(printf '%s' "$found" | tr '\n' ' ')"
    if confirm "Look for the meter with doctor? It only reads, and takes up to a minute." yes; then
      FIND=yes
      return 0
    fi
  fi
  ask "Serial port of the meter" "$(default_serial)"
  set_option --serial "$ANSWER"
  ask "Its model" "${MODEL:-$DEFAULT_MODEL}"
  set_option --model "$ANSWER"
  check_options
}

ask_page() {
  [ -z "$PAGE" ] && is_talking || return 0
  if confirm "Show the page to everybody in the network? Without, this machine alone sees it." no; then PAGE=lan; fi
}

ask_database() {
  [ -z "$DOCKER$INFLUXDB_URL" ] && is_talking || return 0
  if confirm "InfluxDB and Grafana in Docker on this machine? The journal works without." no; then
    DOCKER=yes
    check_disk
    check_docker
  fi
}

# The name that udev gives; where it knows none of the adapters, and there is one alone, that one.
default_serial() {
  set -- "$ROOT"/dev/serial/by-id/*
  if [ ! -e "$ROOT$DEFAULT_SERIAL" ] && [ $# -eq 1 ] && [ -e "$1" ]; then
    printf '%s\n' "${1#"$ROOT"}"
  else
    printf '%s\n' "$DEFAULT_SERIAL"
  fi
}

# prepare_configuration RELEASE: the one that is there has to be right for this release, before it is switched to.
prepare_configuration() {
  if has_config; then
    check_config "$1" "$CONFIG"
    check_state_dir
    return 0
  fi
  is_dry && say "would make: $CONFIG (0640, root:$AGENT_USER), and check it" && return 0
  say "making $CONFIG"
  { meters_text "$1" && page_text && influxdb_text && backup_text "$1"; } >"$WORK/config.yaml"
  write_file "$CONFIG.try" 0640 "root:$AGENT_USER" <"$WORK/config.yaml"
  check_config "$1" "$CONFIG.try"
  mv "$CONFIG.try" "$CONFIG"
}

# check_config RELEASE FILE, as the user who will read it.
check_config() {
  is_dry && say "would check: $2 with release $(basename "$1")" && return 0
  if as_agent "$1/agent/energy-monitor" config check --config "$2" >"$WORK/output" 2>&1; then return 0; fi
  cat "$WORK/output" >&2
  if [ "$2" != "$CONFIG" ]; then rm -f "$2"; fi
  fail config "release $(basename "$1") does not accept ${2%.try}; mend what is named above and run it again; nothing was switched"
}

# The units may write to $STATE alone, so another place needs a drop-in; a person's, for only they know the disk.
check_state_dir() {
  place=$(sed -n "s/^stateDir: *[\"']*\([^\"'#]*\).*/\1/p" "$CONFIG" 2>/dev/null | sed 's/ *$//')
  case $place in '' | /var/lib/energy-monitor | /var/lib/energy-monitor/*) return 0 ;; esac
  ! grep -rqsF "ReadWritePaths=" "$UNITS"/energy-monitor-.service.d || return 0
  warn "stateDir is $place, where the units may not write; let them, and run it again: sudo install -d -o $AGENT_USER $place; printf '[Service]\nReadWritePaths=%s\n' $place | sudo tee $UNITS/energy-monitor-.service.d/50-state.conf"
}

meters_text() {
  cat <<'END'
# Made by install.sh, which leaves it as it is from now on. `energy-monitor config example` explains every key,
# `sudo energy-monitor config check` names mistakes; afterwards: sudo systemctl reload energy-monitor-collector
END
  if [ "$FIND" = yes ] && find_meter "$1" >&2; then
    cat "$WORK/found.yaml"
    return 0
  fi
  printf 'meters:\n  - name: house\n    model: "%s"\n' "${MODEL:-$DEFAULT_MODEL}"
  [ -z "$UNIT" ] || printf '    unit: %s\n' "$UNIT"
  if [ -n "$TCP" ]; then
    printf '    connection: {tcp: "%s"}\n' "$TCP"
  else
    printf '    connection: {serial: "%s"}\n' "${SERIAL:-$(default_serial)}"
  fi
}

# False where no meter answered: then the collector is set up with the defaults, and waits.
find_meter() {
  place=$(as_agent mktemp -d "$CACHE/doctor.XXXXXX")
  set -- "$1/agent/energy-monitor" doctor --no-measure --write "$place/config.yaml"
  if [ -n "$TCP" ]; then
    set -- "$@" --tcp "$TCP"
  elif [ -n "$SERIAL" ] || [ -e "$ROOT$DEFAULT_SERIAL" ]; then
    set -- "$@" --port "${SERIAL:-$DEFAULT_SERIAL}"
  fi
  [ -z "$MODEL" ] || set -- "$@" --model "$MODEL"
  [ -z "$UNIT" ] || set -- "$@" --unit "$UNIT"
  as_agent "$@" || true
  found=no
  if [ -s "$place/config.yaml" ]; then
    as_agent cat "$place/config.yaml" >"$WORK/found.yaml"
    found=yes
  else
    warn "doctor found no meter; the configuration has the defaults, and the collector waits for it. Look again: sudo systemctl stop energy-monitor-collector; sudo energy-monitor doctor"
  fi
  rm -rf "$place"
  [ $found = yes ]
}

page_text() {
  case $PAGE in
    '' | local) ;;
    lan) printf 'web: {listen: "0.0.0.0:8515"}\n' ;;
    *) printf 'web: {listen: "%s"}\n' "$PAGE" ;;
  esac
}

influxdb_text() {
  url=$INFLUXDB_URL
  [ "$DOCKER" != yes ] || url="http://localhost:$(stack_setting INFLUXDB_PORT 8086)"
  [ -z "$url" ] || printf 'influxdb:\n  - {url: "%s", tokenFile: influxdb.token}\n' "$url"
}

backup_text() {
  [ -n "$AZURE_URL" ] || return 0
  [ -n "$RECIPIENT" ] || make_recovery_key "$1"
  printf 'backup:\n  recipient: %s\n  stores:\n    - azure: "%s"\n      sasFile: azure.sas\n' "$RECIPIENT" "$AZURE_URL"
  [ "$DOCKER" != yes ] ||
    printf '  databases:\n    - sink: influxdb\n      operatorTokenFile: influxdb-operator.token\n'
}

# The secret half goes to the terminal and nowhere else: not into a pipe, a log or a file.
make_recovery_key() {
  key=$(as_agent "$1/agent/energy-monitor" backup keygen)
  RECIPIENT=$(printf '%s\n' "$key" | sed -n 's/^# *recipient: \(age1[a-z0-9]*\)$/\1/p')
  [ -n "$RECIPIENT" ] || fail damaged "no recovery key could be made; make one with energy-monitor backup keygen and name it with --recipient"
  printf '\n%s\n\nKeep it now, then press Enter: ' "$key" >/dev/tty
  read -r _ </dev/tty
}

# A configuration that a person has written is not edited: the lines are printed.
print_missing_lines() {
  if [ "$DOCKER" = yes ] && ! grep -q '^influxdb:' "$CONFIG" 2>/dev/null; then
    say "add to $CONFIG, then sudo systemctl reload energy-monitor-collector:"
    influxdb_text
  fi
  if [ -n "$AZURE_URL" ] && ! grep -q '^backup:' "$CONFIG" 2>/dev/null; then
    say "add to $CONFIG:"
    RECIPIENT=${RECIPIENT:-age1...} backup_text ''
  fi
}

# A renewed SAS or token comes the same way as the first one.
copy_secrets() {
  [ -z "$AZURE_SAS_FILE" ] || write_file "$BACKUP_CREDENTIALS/azure.sas" 0600 root:root <"$AZURE_SAS_FILE"
  [ -z "$INFLUXDB_TOKEN_FILE" ] || write_file "$CREDENTIALS/influxdb.token" 0600 root:root <"$INFLUXDB_TOKEN_FILE"
}
