# shellcheck shell=sh disable=SC2015,SC2034
# InfluxDB and Grafana: in Docker on this machine, or an InfluxDB elsewhere. The collector needs neither, so what fails here
# is told at the end and holds up nothing.

# The first start builds its database in hundreds of small steps, each synced to the card.
HEALTH_TIMEOUT_S=300
DATABASES_FAILED=

has_compose() { docker compose version >/dev/null 2>&1; }

# Before anything is changed. Debian 12's docker-compose is 1.29, which is no plugin of docker.
check_docker() {
  [ "$DOCKER" = yes ] && ! has_compose || return 0
  command -v apt-cache >/dev/null || fail missing "Docker with its compose plugin is not there; install it, or leave out --docker"
  candidate=$(apt-cache policy docker-compose 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*\).*/\1/p')
  [ "${candidate:-0}" -ge 2 ] ||
    fail missing "this system's docker-compose ${candidate:+(version $candidate) }is no plugin of docker; upgrade to Debian 13, or install Docker's own packages (docs.docker.com/engine/install/debian), or leave out --docker"
}

install_docker() {
  ! has_compose || return 0
  say "installing Debian's docker.io and docker-compose"
  # With what they recommend: Debian 13 has the command docker in a package of its own.
  apt_install docker.io docker-compose
  is_dry || has_compose || fail missing "docker compose version does not answer after the installation; look at: docker info"
}

# stack_setting NAME DEFAULT: from stack.env.
stack_setting() {
  value=$(sed -n "s/^$1=//p" "$STACK_ENV" 2>/dev/null | tail -n 1)
  printf '%s\n' "${value:-$2}"
}

compose() { run docker compose --env-file "$STACK_ENV" --file "$CURRENT/docker/compose.yaml" "$@"; }

# set_up_databases RELEASE: secrets have to be there before the collector starts, which gets them from systemd.
set_up_databases() {
  case $DOCKER in
    # In a process of its own: what ends that does not end this run, whose collector is to be started yet.
    yes) (start_stack "$1") || databases_failed "InfluxDB and Grafana are not set up (see above)" ;;
    no) stop_stack || databases_failed "InfluxDB and Grafana could not be stopped; look at: journalctl -u $STACK -e" ;;
    *) restart_stack "$1" ;;
  esac
  [ -z "$INFLUXDB_URL" ] || [ -n "$INFLUXDB_TOKEN_FILE" ] || set_up_influxdb "$1" "$INFLUXDB_URL" ||
    databases_failed "the InfluxDB at $INFLUXDB_URL is not set up (see above)"
}

databases_failed() {
  warn "$1; the collector goes on without, and the journal keeps everything"
  DATABASES_FAILED="$1"
}

start_stack() {
  install_docker
  if [ ! -e "$STACK_ENV" ]; then
    sed "s|^SECRETS_DIR=.*|SECRETS_DIR=/etc/energy-monitor/grafana|" "$1/docker/.env.example" | write_file "$STACK_ENV" 0644 root:root || return 1
  fi
  say "starting InfluxDB in Docker (the first time it is fetched)"
  compose up -d influxdb || return 1
  set_up_influxdb "$1" "http://localhost:$(stack_setting INFLUXDB_PORT 8086)" || return 1
  grafana_secrets || return 1
  if systemctl is-active --quiet "$STACK" && ! is_stack_changed "$1"; then return 0; fi
  say "starting Grafana in Docker (the first time it is fetched)"
  bring_up_stack "$1"
}

is_stack_changed() { is_changed "$STACK" || [ "$(recall stack)" != "$(stack_fingerprint "$1")" ]; }

stack_fingerprint() { fingerprint "$1/docker" "$1/systemd/$STACK" "$STACK_ENV"; }

# Restarted, not reloaded: what Grafana has mounted is that of the release it was started from, which therefore stays.
bring_up_stack() {
  run systemctl restart "$STACK" || return 1
  remember stack "$(stack_fingerprint "$1")"
  remember stack-release "$(basename "$1")"
}

# An upgrade without a word about Docker: what runs gets the new files.
restart_stack() {
  systemctl is-active --quiet "$STACK" 2>/dev/null || return 0
  is_stack_changed "$1" || return 0
  bring_up_stack "$1" || databases_failed "InfluxDB and Grafana did not start again; look at: journalctl -u $STACK -e"
}

stop_stack() {
  systemctl is-enabled --quiet "$STACK" 2>/dev/null || return 0
  say "stopping InfluxDB and Grafana; their data stay"
  run systemctl disable --now --quiet "$STACK" || return 1
  is_dry || forget_enabled "$STACK"
}

# healthy RELEASE URL: until it answers. The agent's own Node asks: curl is not everywhere.
healthy() {
  tries=0
  # shellcheck disable=SC2016
  until "$1/node_modules/.bin/node" -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$2/health"; do
    tries=$((tries + 2))
    [ $tries -lt "$HEALTH_TIMEOUT_S" ] || return 1
    sleep 2
  done
}

# set_up_influxdb RELEASE URL: with a configuration of its own, because the person's may not name the server yet. The token
# of the agent lies where the collector gets it, what may do everything only where the backups do.
set_up_influxdb() {
  is_dry && run "$1/agent/energy-monitor" influxdb setup --tokens-dir "$CREDENTIALS" && return 0
  if ! healthy "$1" "$2"; then
    warn "the InfluxDB at $2 did not answer within $HEALTH_TIMEOUT_S s; once it does, run it again"
    return 1
  fi
  printf 'meters: [{name: house, model: we-515, connection: {tcp: localhost}}]\ninfluxdb: {url: "%s"}\n' "$2" >"$WORK/influxdb.yaml"
  # What the configuration needs is said by print_missing_lines.
  "$1/agent/energy-monitor" influxdb setup --config "$WORK/influxdb.yaml" --tokens-dir "$CREDENTIALS" \
    --operator-token-file "$BACKUP_CREDENTIALS/influxdb-operator.token" \
    --admin-password-file "$BACKUP_CREDENTIALS/influxdb-admin.password" >"$WORK/output" 2>&1 && return 0
  cat "$WORK/output" >&2
  warn "InfluxDB could not be set up; later: sudo energy-monitor influxdb setup --config $CONFIG --tokens-dir $CREDENTIALS --operator-token-file FILE"
  return 1
}

# Files of secrets reach a container with the owner and mode that they have here: 472 is Grafana's user (docker/README.md).
grafana_secrets() {
  run mkdir -p "$GRAFANA_SECRETS" && run chmod 0711 "$GRAFANA_SECRETS" || return 1
  if is_dry || ! cmp -s "$CREDENTIALS/influxdb-reader.token" "$GRAFANA_SECRETS/grafana-influxdb.token"; then
    write_file "$GRAFANA_SECRETS/grafana-influxdb.token" 0400 472:0 <"$(is_dry && echo /dev/null || echo "$CREDENTIALS/influxdb-reader.token")" || return 1
  fi
  [ -e "$GRAFANA_SECRETS/grafana-admin.password" ] ||
    head -c 18 /dev/urandom | base64 | write_file "$GRAFANA_SECRETS/grafana-admin.password" 0400 472:0
}
