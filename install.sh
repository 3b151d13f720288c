#!/bin/sh
# Installs energy-monitor, upgrades it, rolls it back, removes it; --help has all. Its parts are in systemd/installer/.
# Sourced with ENERGY_MONITOR_SOURCED=1 it only defines its functions, for the tests.
set -eu

SOURCE=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${ENERGY_MONITOR_INSTALLER:-$0}")")" && pwd)
for part in say paths options product record preflight tree account configuration units databases switch removal ending; do
  # shellcheck source=/dev/null
  . "$SOURCE/systemd/installer/$part.sh"
done

install_release() {
  preflight
  take_lock
  check_docker
  find_tree
  ask_questions
  if is_dry; then say "dry run: nothing is changed"; fi
  place_release
  try_release "$RELEASE"
  system_files "$(directory_of "$NAME")"
  prepare_configuration "$RELEASE"
  copy_secrets
  warm_cache
  switch_to "$NAME"
  remove_old_releases
  show_next_steps
  [ -z "$DATABASES_FAILED" ] || fail missing "$DATABASES_FAILED; mend that and run it again"
}

# However it ends: nothing half, and no process of ours stays.
clean_up() {
  [ -z "${warming:-}" ] || end_process "$warming"
  rm -rf "$WORK" "$RELEASES"/*.tmp-$$ "$CONFIG.try"
}

main() {
  umask 022
  # What other programs say is read in English.
  LC_ALL=C
  export LC_ALL
  # What an interactive shell of root brings along is not ours.
  NODE_DISABLE_COMPILE_CACHE=1
  export NODE_DISABLE_COMPILE_CACHE
  set_defaults
  parse_options "$@"
  case $ACTION in
    help) usage && exit 0 ;;
    version) version_of "$SOURCE" && exit 0 ;;
  esac
  WORK=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  case $ACTION in
    install) install_release ;;
    *)
      check_root
      take_lock
      case $ACTION in
        rollback) roll_back ;;
        uninstall) uninstall ;;
        purge) purge ;;
      esac
      ;;
  esac
}

if [ -z "${ENERGY_MONITOR_SOURCED:-}" ]; then
  main "$@"
  # The file itself may be gone by now: nothing more of it is read.
  exit 0
fi
