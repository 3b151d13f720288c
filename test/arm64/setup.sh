#!/bin/sh
# Makes what runs the agent as on a Pi: qemu-user, Debian's C libraries for arm64, and the dependencies that package-lock.json
# pins, for arm64. All of it is unpacked below the cache directory, once; root is not needed. Prints
# the three places.
set -eu
umask 022
repository=$(cd "$(dirname -- "$0")/../.." && pwd)
cache="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/energy-monitor-tests/arm64"
lock=$(sha256sum "$repository/package-lock.json" | cut -c1-16)
mkdir -p "$cache"

fail() {
  echo "arm64: $1" >&2
  exit 69
}

# Made aside and renamed: whoever comes in between has all of it, or makes it as well.
made() {
  rm -rf "${cache:?}/$1"
  mv "$2" "$cache/$1" 2>/dev/null || rm -rf "$2"
}

# Debian's packages for another architecture, with lists of their own.
fetch_arm64() {
  apt="$1/apt"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  set -- -qq -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt/cache" -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
    -o Acquire::Languages=none -o APT::Sandbox::User=root
  # Of several sources some may have nothing for arm64.
  apt-get "$@" update >/dev/null 2>&1 || true
  apt-get "$@" download libc6 libstdc++6 libgcc-s1 libatomic1
}

if [ ! -d "$cache/qemu" ]; then
  command -v apt-get >/dev/null || fail "this is no Debian: there is nothing to fetch qemu-user with"
  draft=$(mktemp -d "$cache/draft.XXXXXX")
  # From trixie on the static one is qemu-user itself.
  for package in qemu-user-static qemu-user; do
    (cd "$draft" && apt-get -qq download "$package" && dpkg-deb -x "$package"_*.deb .) >/dev/null 2>&1 || true
    rm -f "$draft"/*.deb
    program=$(find "$draft/usr/bin" -name qemu-aarch64 -o -name qemu-aarch64-static 2>/dev/null | head -n 1)
    if [ -n "$program" ]; then break; fi
  done
  [ -n "$program" ] || fail "this system has no package qemu-user-static (or no list of packages: apt-get update)"
  kept=$(mktemp -d "$cache/draft.XXXXXX")
  mv "$program" "$kept/qemu-aarch64"
  rm -rf "$draft"
  made qemu "$kept"
fi

if [ ! -d "$cache/sys" ]; then
  draft=$(mktemp -d "$cache/draft.XXXXXX")
  mkdir "$draft/sys"
  (cd "$draft" && fetch_arm64 "$draft") >/dev/null 2>&1 || fail "Debian's libc6 for arm64 cannot be fetched"
  for deb in "$draft"/*.deb; do dpkg-deb -x "$deb" "$draft/sys"; done
  made sys "$draft/sys"
  rm -rf "$draft"
fi

if [ ! -d "$cache/tree-$lock" ]; then
  draft=$(mktemp -d "$cache/draft.XXXXXX")
  cp "$repository/package.json" "$repository/package-lock.json" "$draft"
  npm ci --prefix "$draft" --cpu=arm64 --os=linux --libc=glibc --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error \
    >/dev/null 2>&1 || fail "npm cannot install the dependencies for arm64"
  # Those of other lockfiles are not needed any more.
  find "$cache" -maxdepth 1 -name 'tree-*' -mtime +30 -exec rm -rf {} +
  made "tree-$lock" "$draft"
fi

echo "$cache/qemu/qemu-aarch64 $cache/sys $cache/tree-$lock"
