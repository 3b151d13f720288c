# shellcheck shell=sh disable=SC2015,SC2034
# What install.sh remembers of what it did, a file each in /opt/energy-monitor/installed.

recall() { cat "$INSTALLED/$1" 2>/dev/null || true; }

remember() {
  is_dry && return 0
  if [ -e "$INSTALLED/$1" ] && [ "$(recall "$1")" = "$2" ]; then return 0; fi
  mkdir -p "$INSTALLED"
  printf '%s\n' "$2" >"$INSTALLED/$1.new-$$"
  mv -f "$INSTALLED/$1.new-$$" "$INSTALLED/$1"
}

# One hash over the content of files and directories; those that are missing count as such.
fingerprint() {
  for path in "$@"; do
    if [ -d "$path" ]; then list_checksums "$path"; elif [ -e "$path" ]; then sha256sum <"$path"; else echo "none"; fi
  done | sha256sum | cut -c1-64
}
