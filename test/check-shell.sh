#!/bin/sh
# Checks the shell scripts; with shellcheck where it is installed, with the shell's own syntax check everywhere.
set -eu
SCRIPTS="agent/energy-monitor terraform/init-state.sh install.sh systemd/alert test/setup.sh test/arm64/setup.sh test/rootfs.sh test/check-shell.sh"
SCRIPTS="$SCRIPTS $(echo systemd/installer/*.sh)"
for script in $SCRIPTS; do sh -n "$script"; done
bash -n .ci/run
if command -v shellcheck >/dev/null; then
  # shellcheck disable=SC2086
  shellcheck $SCRIPTS .ci/run
  shellcheck test/install/box.bash test/install/*.bats
else
  echo "check: shellcheck is not installed, shell scripts were checked for syntax only"
fi
