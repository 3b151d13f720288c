# shellcheck shell=sh disable=SC2015,SC2034
# Where everything is. ENERGY_MONITOR_ROOT stands for / in the tests.

ROOT=${ENERGY_MONITOR_ROOT:-}
AGENT_USER=energy-monitor

OPT=$ROOT/opt/energy-monitor
RELEASES=$OPT/releases
CURRENT=$OPT/current
PREVIOUS=$OPT/previous
# What install.sh remembers of what it did.
INSTALLED=$OPT/installed
PROGRAM_LINK=$ROOT/usr/local/bin/energy-monitor

ETC=$ROOT/etc/energy-monitor
CONFIG=$ETC/config.yaml
CREDENTIALS=$ETC/credentials
BACKUP_CREDENTIALS=$ETC/backup-credentials
GRAFANA_SECRETS=$ETC/grafana
STACK_ENV=$ETC/stack.env

STATE=$ROOT/var/lib/energy-monitor
CACHE=$ROOT/var/cache/energy-monitor
COMPILE_CACHE=$CACHE/compile

UNITS=$ROOT/etc/systemd/system
SYSUSERS=$ROOT/etc/sysusers.d/energy-monitor.conf
TMPFILES=$ROOT/etc/tmpfiles.d/energy-monitor.conf
UDEV_RULES=$ROOT/etc/udev/rules.d/60-energy-monitor.rules

LOCK=$ROOT/run/energy-monitor-install.lock
