# shellcheck shell=sh disable=SC2015,SC2034
# The command line of install.sh.

usage() {
  cat <<'END'
usage: sudo ./install.sh [options]

Installs energy-monitor on Raspberry Pi OS (64-bit) or Debian 12 and 13, or upgrades it, and starts it. Run it from an
unpacked release (works offline) or from a checkout (needs npm and the network). Run it again whenever you like: it changes
only what differs.

The meter (only where there is no /etc/energy-monitor/config.yaml; one that is there is kept as it is):
  --serial DEVICE          serial port of the meter (default: /dev/energy-meter, the adapter that udev finds)
  --tcp HOST:PORT          Modbus TCP gateway instead of a serial port
  --model NAME             its model (default: we-515); `energy-monitor meter models` lists them
  --unit N                 its Modbus address (default: that of the model)
  --find                   look for the meter with doctor; asked for on a terminal

The page (only where there is no /etc/energy-monitor/config.yaml):
  --page WHERE             lan: for everybody in the network; local: on this machine alone (the default); off; or ADDRESS:PORT

Databases:
  --docker                 InfluxDB and Grafana in Docker on this machine; Docker from Debian where it is missing
  --no-docker              without them (the default); stops them where they run, and keeps their data
  --influxdb-url URL       an InfluxDB elsewhere
  --influxdb-token-file F  file with its token for writing

Backups to Azure:
  --azure-url URL          container, such as https://ACCOUNT.blob.core.windows.net/energy-monitor
  --azure-sas-file FILE    file with its SAS; copied to /etc/energy-monitor/backup-credentials/azure.sas
  --recipient AGE1...      public half of the recovery key; without it one is made and shown once, on a terminal only

How:
  --yes                    ask nothing; what is not said has its default
  --dry-run                look at everything, print what would be done, change nothing; needs no root
  --no-start               install, but neither start nor restart anything

Instead of installing:
  --rollback               back to the release before
  --uninstall              removes the program; keeps /etc/energy-monitor, /var/lib/energy-monitor and the user
  --purge                  removes these as well; asks, or takes --yes
  --volumes                with --purge: the data of InfluxDB and Grafana in Docker as well
  --version, --help

Exit codes:
   0  done
  64  the command line is wrong
  65  this release is damaged
  69  something that is needed is missing: a package, the network, Docker, a server
  71  this machine cannot run it
  75  another install.sh is running
  77  it needs root
  78  the configuration has mistakes; nothing was switched
  80  the new release did not start, the one before runs again
  81  it is installed, but did not start
END
}

set_defaults() {
  ACTION=install
  YES=no DRY_RUN=no START=yes FIND=no VOLUMES=no
  SERIAL='' TCP='' MODEL='' UNIT='' PAGE=''
  DOCKER=
  INFLUXDB_URL='' INFLUXDB_TOKEN_FILE=''
  AZURE_URL='' AZURE_SAS_FILE='' RECIPIENT=''
}

parse_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --serial | --tcp | --model | --unit | --page | --influxdb-url | --influxdb-token-file | --azure-url | --azure-sas-file | --recipient)
        [ $# -ge 2 ] || fail usage "$1 needs a value; --help shows how"
        set_option "$1" "$2"
        shift
        ;;
      --docker) DOCKER=yes ;;
      --no-docker) DOCKER=no ;;
      --find) FIND=yes ;;
      --yes | -y) YES=yes ;;
      --dry-run) DRY_RUN=yes ;;
      --no-start) START=no ;;
      --volumes) VOLUMES=yes ;;
      --rollback | --uninstall | --purge | --version) set_action "${1#--}" ;;
      --help | -h) set_action help ;;
      *) fail usage "there is no option $1; --help shows what there is" ;;
    esac
    shift
  done
  check_options
}

set_action() {
  [ "$ACTION" = install ] || [ "$ACTION" = "$1" ] || fail usage "--$ACTION and --$1 exclude each other; name one of them"
  ACTION=$1
}

# Values go into YAML: what could end a quoted text there is in none of them.
set_option() {
  case $1:$2 in
    *: | *:-*) fail usage "$1 needs a value; --help shows how" ;;
    --*-file:*) ;;
    *[[:space:]]* | *\"* | *\\*) fail usage "the value of $1 has a space, a quotation mark or a backslash; leave it out" ;;
  esac
  case $1 in
    --serial) SERIAL=$2 ;;
    --tcp) TCP=$2 ;;
    --model) MODEL=$2 ;;
    --unit) UNIT=$2 ;;
    --page) PAGE=$2 ;;
    --influxdb-url) INFLUXDB_URL=$2 ;;
    --influxdb-token-file) INFLUXDB_TOKEN_FILE=$2 ;;
    --azure-url) AZURE_URL=$2 ;;
    --azure-sas-file) AZURE_SAS_FILE=$2 ;;
    --recipient) RECIPIENT=$2 ;;
  esac
}

check_options() {
  case $SERIAL in '' | /*) ;; *) fail usage "--serial $SERIAL is no path; write it as /dev/ttyUSB0" ;; esac
  case $UNIT in *[!0-9]* | ????*) fail usage "--unit $UNIT is no Modbus address; use 1 to 247" ;; esac
  case $PAGE in '' | lan | local | off | *:[0-9]*) ;; *) fail usage "--page $PAGE is no place; use lan, local, off or ADDRESS:PORT" ;; esac
  [ -z "$SERIAL" ] || [ -z "$TCP" ] || fail usage "--serial and --tcp exclude each other; name one of them"
  [ "$DOCKER" != yes ] || [ -z "$INFLUXDB_URL" ] || fail usage "--docker brings an InfluxDB of its own; leave out --influxdb-url"
  if [ -n "$AZURE_URL$AZURE_SAS_FILE" ]; then
    { [ -n "$AZURE_URL" ] && [ -n "$AZURE_SAS_FILE" ]; } ||
      fail usage "--azure-url and --azure-sas-file belong together; name both"
    [ -s "$AZURE_SAS_FILE" ] || fail usage "$AZURE_SAS_FILE is not there or empty; write the SAS of the container into it"
    # A SAS behind the question mark would stand in the process list and in the configuration.
    case $AZURE_URL in *\?*) fail usage "--azure-url has a SAS in it; write that into the file of --azure-sas-file" ;; esac
    case $AZURE_URL in https://* | http://*) ;; *) fail usage "--azure-url $AZURE_URL is no URL; write https://ACCOUNT.blob.core.windows.net/CONTAINER" ;; esac
  fi
  case $RECIPIENT in '' | age1*) ;; *) fail usage "--recipient is the public half of a recovery key; it begins with age1" ;; esac
  case $INFLUXDB_URL in '' | http://* | https://*) ;; *) fail usage "--influxdb-url $INFLUXDB_URL is no URL; write http://HOST:8086" ;; esac
  case $INFLUXDB_URL in *@*) fail usage "--influxdb-url has a password in it; write that into the file of --influxdb-token-file" ;; esac
  [ -z "$INFLUXDB_TOKEN_FILE" ] || [ -s "$INFLUXDB_TOKEN_FILE" ] ||
    fail usage "$INFLUXDB_TOKEN_FILE is not there or empty; write the token into it"
  [ "$VOLUMES" = no ] || [ "$ACTION" = purge ] || fail usage "--volumes belongs to --purge"
}
