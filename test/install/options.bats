# The command line: mistakes are told before anything is looked at.

load box

setup() {
  make_box
  make_release 1.0.0
}

wrong() {
  setup_with 1.0.0 "$@"
  fails_with 64
  [ ! -e "$ROOT/opt/energy-monitor" ]
}

@test "what there is not, and what lacks its value" {
  wrong --serail /dev/ttyUSB0
  says 'there is no option --serail'
  wrong --serial
  wrong --serial --yes
  says '--serial needs a value'
}

@test "what excludes each other, and what belongs together" {
  wrong --serial /dev/ttyUSB0 --tcp 192.168.1.50
  wrong --docker --influxdb-url http://nas:8086
  wrong --rollback --uninstall
  wrong --azure-url https://a.example/c
  wrong --volumes
}

@test "values that would break the configuration" {
  wrong --model 'we-515", x: "y'
  wrong --serial ttyUSB0
  wrong --unit 1000
  wrong --unit one
  wrong --page everywhere
  wrong --page 'lan", x: "y'
  wrong --influxdb-url nas:8086
}

@test "secrets on the command line are refused and not repeated" {
  echo sas >"$BOX/azure.sas"
  wrong --azure-url 'https://a.example/c?sig=geheim' --azure-sas-file "$BOX/azure.sas" --recipient age1x
  says_not geheim
  wrong --influxdb-url 'http://me:geheim@nas:8086'
  says_not geheim
}

@test "a file of a secret has to be there" {
  wrong --azure-url https://a.example/c --azure-sas-file "$BOX/none" --recipient age1x
  wrong --influxdb-url http://nas:8086 --influxdb-token-file "$BOX/none"
}

@test "--help names each option and exit code, --version the version" {
  setup_with 1.0.0 --help
  succeeds
  sed -n 's/^ *\(--[a-z-]*\)) .*/\1/p; s/^ *--.* | \(--[a-z-]*\)).*/\1/p' "$REPOSITORY/systemd/installer/options.sh" >"$BOX/options"
  [ "$(grep -c . "$BOX/options")" -gt 15 ]
  while read -r option; do says "$option"; done <"$BOX/options"
  sed -n 's/^    [a-z-]*) echo \([0-9]*\) ;;/\1/p' "$REPOSITORY/systemd/installer/say.sh" >"$BOX/codes"
  [ "$(grep -c . "$BOX/codes")" = 9 ]
  while read -r code; do says "  $code  "; done <"$BOX/codes"
  setup_with 1.0.0 --version
  [ "$output" = 1.0.0 ]
}
