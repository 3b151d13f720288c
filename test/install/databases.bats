# InfluxDB, Grafana and Azure. Docker is a stand-in that notes its calls: no image was ever started here.

load box

setup() {
  make_box
  make_release 1.0.0
  stand_in docker <<<'exit 0'
}

config() { cat "$ROOT/etc/energy-monitor/config.yaml"; }

@test "--docker: stack.env, InfluxDB, its tokens where they belong, Grafana's secrets, the collector after them" {
  setup_with 1.0.0 --yes --docker
  succeeds
  grep -q '^SECRETS_DIR=/etc/energy-monitor/grafana$' "$ROOT/etc/energy-monitor/stack.env"
  [ "$(calls 'docker compose .*up -d influxdb')" = 1 ]
  [ "$(cat "$ROOT/etc/energy-monitor/credentials/influxdb.token")" = secret-writer ]
  [ "$(cat "$ROOT/etc/energy-monitor/backup-credentials/influxdb-operator.token")" = secret-operator ]
  [ ! -e "$ROOT/etc/energy-monitor/credentials/influxdb-operator.token" ]
  [ "$(mode_of /etc/energy-monitor/grafana/grafana-influxdb.token)" = 400 ]
  [ "$(cat "$ROOT/etc/energy-monitor/grafana/grafana-influxdb.token")" = secret-reader ]
  [ "$(mode_of /etc/energy-monitor/grafana/grafana-admin.password)" = 400 ]
  [ "$(calls 'chown 472:0')" = 2 ]
  [ -e "$BOX/state/enabled-energy-monitor-stack.service" ]
  [ -e "$BOX/state/active-energy-monitor-stack.service" ]
  config | grep -q '{url: "http://localhost:8086", tokenFile: influxdb.token}'
  [ "$(grep -n 'agent influxdb setup' "$CALLS" | cut -d: -f1)" -lt "$(grep -n 'systemctl start energy-monitor-collector' "$CALLS" | cut -d: -f1)" ]
  says 'http://localhost:3000'
}

@test "no secret is said, and none is in a command" {
  setup_with 1.0.0 --yes --docker
  succeeds
  says_not secret-
  [ "$(calls secret-)" = 0 ]
  [ "$(grep -cF "$(cat "$ROOT/etc/energy-monitor/grafana/grafana-admin.password")" "$CALLS")" = 0 ]
}

@test "--docker again changes nothing; a password and settings that are there stay" {
  setup_with 1.0.0 --yes --docker
  echo 'INFLUXDB_PORT=9086' >>"$ROOT/etc/energy-monitor/stack.env"
  setup_with 1.0.0 --yes --docker
  cp -r "$ROOT/etc/energy-monitor" "$BOX/before"
  forget_calls
  setup_with 1.0.0 --yes --docker
  succeeds
  diff -r "$BOX/before" "$ROOT/etc/energy-monitor"
  [ "$(calls 'systemctl restart')" = 0 ]
  [ "$(calls 'systemctl start energy-monitor-collector')" = 0 ]
}

@test "a configuration that is there is not edited: the lines are printed" {
  mkdir -p "$ROOT/etc/energy-monitor"
  echo 'meters: mine' >"$ROOT/etc/energy-monitor/config.yaml"
  setup_with 1.0.0 --yes --docker
  succeeds
  [ "$(config)" = 'meters: mine' ]
  says 'tokenFile: influxdb.token'
}

@test "an InfluxDB that cannot be started holds up nothing, and is told at the end" {
  stand_in docker <<<'case $* in *up*) exit 1 ;; esac'
  setup_with 1.0.0 --yes --docker
  fails_with 69
  [ -e "$BOX/state/active-energy-monitor-collector.service" ]
  says 'the collector goes on without'
}

@test "without docker compose: from Debian 13's packages, refused where they have none" {
  stand_in docker <<<"test -e '$BOX/compose'"
  stand_in apt-cache <<<'echo "  Candidate: 1.29.2-3"'
  setup_with 1.0.0 --yes --docker
  fails_with 69
  says 'version 1'
  says 'upgrade to Debian 13'
  [ ! -e "$ROOT/opt/energy-monitor" ]
  stand_in apt-cache <<<'echo "  Candidate: 2.26.1-4"'
  stand_in apt-get <<<": >'$BOX/compose'"
  setup_with 1.0.0 --yes --docker
  succeeds
  [ "$(calls 'apt-get install .*docker.io docker-compose')" = 1 ]
}

@test "without --docker nothing asks for Docker; --no-docker stops what runs" {
  setup_with 1.0.0 --yes
  succeeds
  [ "$(calls docker)" = 0 ]
  [ ! -e "$BOX/state/enabled-energy-monitor-stack.service" ]
  setup_with 1.0.0 --yes --docker
  setup_with 1.0.0 --yes
  [ -e "$BOX/state/active-energy-monitor-stack.service" ]
  setup_with 1.0.0 --yes --no-docker
  succeeds
  [ ! -e "$BOX/state/active-energy-monitor-stack.service" ]
  [ ! -e "$BOX/state/enabled-energy-monitor-stack.service" ]
}

@test "an InfluxDB elsewhere: with its token, or set up" {
  echo secret-given >"$BOX/given"
  setup_with 1.0.0 --yes --influxdb-url http://nas:8086 --influxdb-token-file "$BOX/given"
  succeeds
  config | grep -q 'url: "http://nas:8086", tokenFile: influxdb.token'
  [ "$(cat "$ROOT/etc/energy-monitor/credentials/influxdb.token")" = secret-given ]
  [ "$(mode_of /etc/energy-monitor/credentials/influxdb.token)" = 600 ]
  [ "$(calls 'influxdb setup')" = 0 ]
  says_not secret-
  setup_with 1.0.0 --yes --influxdb-url http://nas:8086
  succeeds
  [ "$(calls 'influxdb setup')" = 1 ]
}

@test "backups to Azure: the SAS for root alone, the section with the public key" {
  echo secret-sas >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas" --recipient age1abc
  succeeds
  [ "$(cat "$ROOT/etc/energy-monitor/backup-credentials/azure.sas")" = secret-sas ]
  [ "$(mode_of /etc/energy-monitor/backup-credentials/azure.sas)" = 600 ]
  config | grep -q 'recipient: age1abc'
  config | grep -q 'azure: "https://a.example/energy"'
  says_not secret-
  [ "$(calls secret-)" = 0 ]
}

@test "without a terminal no recovery key is made: it would be shown to nobody" {
  echo secret-sas >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas"
  fails_with 64
  says '--recipient'
  [ "$(calls keygen)" = 0 ]
  [ ! -e "$ROOT/opt/energy-monitor" ]
}

@test "a renewed SAS takes the place of the old one" {
  echo old >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas" --recipient age1abc
  echo new >"$BOX/azure.sas"
  setup_with 1.0.0 --yes --azure-url https://a.example/energy --azure-sas-file "$BOX/azure.sas"
  succeeds
  [ "$(cat "$ROOT/etc/energy-monitor/backup-credentials/azure.sas")" = new ]
}
