# shellcheck shell=sh disable=SC2015,SC2034,SC2153
# The release that install.sh is part of: an unpacked tarball, or a checkout; and its place below /opt/energy-monitor/releases.

# Sets VERSION, IS_RELEASE (an unpacked tarball has a file RELEASE), CONTENT, NAME and RELEASE.
find_tree() {
  VERSION=$(version_of "$SOURCE")
  [ -n "$VERSION" ] || fail damaged "$SOURCE/package.json has no version; unpack the release again"
  IS_RELEASE=no
  [ ! -e "$SOURCE/RELEASE" ] || IS_RELEASE=yes
  if [ "$IS_RELEASE" = yes ]; then
    check_platform
    list_checksums "$SOURCE" >"$WORK/checksums"
    verify
  else
    mkdir -p "$WORK/product"
    copy_product "$SOURCE" "$WORK/product"
    list_checksums "$WORK/product" >"$WORK/checksums"
  fi
  CONTENT=$(sha256sum <"$WORK/checksums" | cut -c1-64)
  NAME=$(name_for "$VERSION" "$CONTENT")
  RELEASE=$RELEASES/$NAME
}

check_platform() {
  platform=$(sed -n 's/^platform linux-//p' "$SOURCE/RELEASE")
  case $platform:$(dpkg --print-architecture 2>/dev/null || uname -m) in
    arm64:arm64 | arm64:aarch64 | x64:amd64 | x64:x86_64 | :*) ;;
    *) fail machine "this release is for linux-$platform and the machine is not; take the tarball of the other platform" ;;
  esac
}

# Both lists have the same order, so what differs is named by its line.
verify() {
  [ -e "$SOURCE/SHA256SUMS" ] || return 0
  cmp -s "$WORK/checksums" "$SOURCE/SHA256SUMS" && return 0
  wrong=$(diff "$SOURCE/SHA256SUMS" "$WORK/checksums" | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u | head -n 3 | tr '\n' ' ')
  fail damaged "this release is not as it was made: ${wrong:-SHA256SUMS }differs; unpack the tarball again, or fetch it again"
}

# A version is a directory of its own. The same version with other content, or in place of one that the card has damaged,
# gets the beginning of its checksum as well: the collector goes on in the old one until it is restarted.
name_for() {
  short=$(printf %.8s "$2")
  for name in "$1" "$1+$short" "$1+$short.2"; do
    if [ ! -e "$RELEASES/$name" ] || is_whole "$name" "$2"; then break; fi
  done
  printf '%s\n' "$name"
}

# is_whole NAME CONTENT: placed from the same files, and still as they were. Packages of a checkout are not compared.
is_whole() {
  [ "$(content_of "$1")" = "$2" ] || return 1
  [ "$IS_RELEASE" = no ] || list_checksums "$RELEASES/$1" 2>/dev/null | cmp -s - "$WORK/checksums"
}

content_of() { cat "$RELEASES/$1/.content" 2>/dev/null || true; }

# Never half a release: it gets its name when it is whole.
place_release() {
  if [ -e "$RELEASE" ]; then
    say "release $NAME is in $RELEASES already"
    return 0
  fi
  say "placing release $NAME in $RELEASES"
  if is_dry; then
    run cp -R "$SOURCE" "$RELEASE"
    [ "$IS_RELEASE" = yes ] || run npm ci --omit=dev
    return 0
  fi
  mkdir -p "$RELEASES"
  rm -rf "$RELEASES"/*.tmp-* "$OPT"/*.new-*
  half=$RELEASES/$NAME.tmp-$$
  mkdir "$half"
  if [ "$IS_RELEASE" = yes ]; then
    (cd "$SOURCE" && tar --create --file=- .) | tar --extract --directory="$half" --no-same-owner --file=-
  else
    cp -R "$WORK/product/." "$half"
    install_packages "$half"
  fi
  printf '%s\n' "$CONTENT" >"$half/.content"
  chown -R root:root "$half"
  chmod -R u=rwX,go=rX "$half"
  # A power cut must not leave the name without the content.
  sync -f "$half"
  mv -T "$half" "$RELEASE"
}

install_packages() {
  need_npm
  say "fetching packages with npm"
  (cd "$1" && run_quietly npm ci --omit=dev --ignore-scripts --no-audit --no-fund) ||
    fail missing "npm could not fetch the packages; look at the network and run it again, or use a release tarball, which needs none"
}

need_npm() {
  command -v npm >/dev/null && return 0
  command -v apt-get >/dev/null || fail missing "npm is not there; install it, or use a release tarball, which needs none"
  say "installing Debian's nodejs and npm"
  apt_install --no-install-recommends nodejs npm
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  run_quietly apt-get update -qq || warn "the list of packages could not be renewed; trying with the old one"
  # A machine that was just started installs its own updates.
  run_quietly apt-get install -o DPkg::Lock::Timeout=300 -y -qq "$@" ||
    fail missing "apt-get could not install $*; look at the lines above, mend that and run it again"
}

# A Node that does not start shows here, not in the collector's log.
try_release() {
  is_dry && return 0
  ! "$1/agent/energy-monitor" --version >"$WORK/output" 2>&1 || return 0
  if grep -qE 'lib(atomic|stdc\+\+)' "$WORK/output" && command -v apt-get >/dev/null; then
    say "installing libraries that Node needs"
    apt_install --no-install-recommends libatomic1 libstdc++6
    ! "$1/agent/energy-monitor" --version >"$WORK/output" 2>&1 || return 0
  fi
  fail missing "release $(basename "$1") does not start: $(head -n 3 "$WORK/output" | tr '\n' ' '); unpack or fetch it again"
}

# Where release NAME is; in a dry run it is not placed yet.
directory_of() {
  if is_dry && [ ! -e "$RELEASES/$1" ]; then printf '%s\n' "$SOURCE"; else printf '%s\n' "$RELEASES/$1"; fi
}

# The name of the release that a link points to; nothing where there is none.
linked() { [ ! -L "$1" ] || basename "$(readlink "$1")"; }

# link LINK NAME: at once, so that nobody finds none.
link() {
  run ln -sfn "releases/$2" "$1.new-$$"
  run mv -fT "$1.new-$$" "$1"
}

# What is in force, the one before, and those that collector, Grafana and a backup that still runs were started from: they
# read parts of it later.
remove_old_releases() {
  is_dry && return 0
  for directory in "$RELEASES"/*; do
    case $(basename "$directory") in
      "$(linked "$CURRENT")" | "$(linked "$PREVIOUS")" | "$(recall proven)" | "$(recall collector-release)" | "$(recall stack-release)") ;;
      *) is_running "$directory" || rm -rf "$directory" ;;
    esac
  done
}

# is_running DIRECTORY: some process has its Node from there.
is_running() {
  real=$(readlink -f "$1")
  for exe in "$ROOT"/proc/[0-9]*/exe; do
    case $(readlink "$exe" 2>/dev/null) in "$real"/*) return 0 ;; esac
  done
  return 1
}
