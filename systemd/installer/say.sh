# shellcheck shell=sh disable=SC2015,SC2034
# How install.sh talks: lines for a person, questions, and commands that --dry-run only prints.

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# What ends a run, with its exit code; --help lists them.
exit_code() {
  case $1 in
    usage) echo 64 ;;
    damaged) echo 65 ;;
    missing) echo 69 ;;
    machine) echo 71 ;;
    locked) echo 75 ;;
    root) echo 77 ;;
    config) echo 78 ;;
    rolled-back) echo 80 ;;
    not-started) echo 81 ;;
  esac
}

# fail KIND "what, where; what to do": ends the run.
fail() {
  kind=$1
  shift
  printf 'install.sh: %s\n' "$*" >&2
  exit "$(exit_code "$kind")"
}

is_dry() { [ "$DRY_RUN" = yes ]; }

# Runs a command, or prints it. What is secret is never an argument, so it can be printed.
run() {
  if is_dry; then
    printf 'would run: %s\n' "$*"
  else
    "$@"
  fi
}

# Runs a command and shows its output only when it fails: apt-get and npm say a lot.
run_quietly() {
  if is_dry; then
    run "$@"
    return 0
  fi
  if "$@" >"$WORK/output" 2>&1; then return 0; fi
  tail -n 15 "$WORK/output" >&2
  return 1
}

is_talking() { [ "$YES" != yes ] && [ -t 0 ]; }

# ask "question" DEFAULT: the answer goes to ANSWER; without a person it is the default.
ask() {
  ANSWER=$2
  is_talking || return 0
  printf '%s [%s] ' "$1" "${2:-none}"
  read -r reply || reply=
  [ -z "$reply" ] || ANSWER=$reply
}

# confirm "question" yes|no: true for yes; without a person the second word decides.
confirm() {
  if ! is_talking; then
    [ "$2" = yes ]
    return
  fi
  if [ "$2" = yes ]; then choice=Y/n; else choice=y/N; fi
  printf '%s [%s] ' "$1" "$choice"
  read -r reply || reply=
  case ${reply:-$2} in [Yy]*) true ;; *) false ;; esac
}

# write_file PATH MODE OWNER:GROUP < content: whole or not at all, and never readable to more than MODE for a moment.
write_file() {
  if is_dry; then
    say "would write: $1 ($2, $3)"
    cat >/dev/null
    return 0
  fi
  (umask 077 && cat >"$1.new-$$") && chown "$3" "$1.new-$$" && chmod "$2" "$1.new-$$" && sync "$1.new-$$" &&
    mv -f "$1.new-$$" "$1" && return 0
  rm -f "$1.new-$$"
  warn "$1 could not be written; it is as it was"
  return 1
}
