#!/bin/sh
# Makes the release tarballs, `npm run release`: the tracked files of the product and the production packages of a platform,
# its Node included, so that install.sh needs neither npm nor a network. The same files give the same bytes.
set -eu

here=$(cd "$(dirname -- "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/product.sh"

usage() {
  cat <<'END'
usage: npm run release -- [--platform arm64|x64] [--output DIRECTORY]

Makes energy-monitor-VERSION-linux-PLATFORM.tar.gz for arm64 and x64 (or the one that is named) and SHA256SUMS in dist/.
It takes the tracked files as they are in the working directory. Needs git, npm, GNU tar and gzip.
SOURCE_DATE_EPOCH is the time of all files; without it that of the commit.
END
}

fail() {
  echo "release: $1" >&2
  exit "${2:-1}"
}

# What the platform never loads: other platforms' binaries, and Node's headers and manual.
remove_other_platforms() {
  modules=$1/node_modules
  platform=$2
  find "$modules" -type d -path '*/prebuilds/*' -prune ! -name "linux-$platform" -exec rm -rf {} +
  rm -rf "$modules/node-linux-$platform/include" "$modules/node-linux-$platform/share"
}

# A package that left its binary out would show only on the Pi.
check_binaries() {
  modules=$1/node_modules
  platform=$2
  ls "$modules/@serialport/bindings-cpp/prebuilds/linux-$platform/"*.glibc.node >/dev/null 2>&1 ||
    fail "serialport has no binary for linux-$platform; look at the version in package.json"
  [ -n "$(find "$modules/@koromix/koffi-linux-$platform" -name '*.node' 2>/dev/null)" ] ||
    fail "koffi has no binary for linux-$platform; look at the version in package.json"
  [ -x "$modules/.bin/node" ] || fail "node-linux-$platform is not in node_modules/.bin; look at optionalDependencies in package.json"
}

# Lockfiles can name the registry that somebody uses at home.
check_no_registry() {
  tree=$1
  if grep -l '"resolved":' "$tree/package-lock.json" "$tree/node_modules/.package-lock.json" 2>/dev/null; then
    fail "a lockfile names where packages came from ('resolved'); set omit-lockfile-registry-resolved=true for npm"
  fi
}

# A file `RELEASE` tells an unpacked release from a checkout.
describe() {
  tree=$1
  commit=$(git rev-parse HEAD)
  # shellcheck disable=SC2086
  git diff --quiet HEAD -- $PRODUCT || commit="$commit with changes"
  printf 'version %s\nplatform linux-%s\ncommit %s\n' "$version" "$2" "$commit" >"$tree/RELEASE"
}

make_release() {
  platform=$1
  name="energy-monitor-$version-linux-$platform"
  tree="$work/$name"
  mkdir "$tree"
  copy_product . "$tree"
  (cd "$tree" && npm ci --omit=dev --ignore-scripts --cpu="$platform" --os=linux --libc=glibc --no-audit --no-fund >"$work/npm.log" 2>&1) ||
    fail "npm could not install the packages for linux-$platform: $(tail -n 3 "$work/npm.log")" 69
  remove_other_platforms "$tree" "$platform"
  check_binaries "$tree" "$platform"
  check_no_registry "$tree"
  describe "$tree" "$platform"
  chmod -R u=rwX,go=rX "$tree"
  list_checksums "$tree" >"$work/list"
  mv "$work/list" "$tree/SHA256SUMS"
  chmod 0644 "$tree/SHA256SUMS"
  tar --create --directory="$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu "$name" |
    gzip -n -9 >"$output/$name.tar.gz.part"
  mv "$output/$name.tar.gz.part" "$output/$name.tar.gz"
  rm -rf "$tree"
  echo "release: $output/$name.tar.gz"
}

main() {
  platforms="arm64 x64"
  output=dist
  while [ $# -gt 0 ]; do
    case $1 in
      --platform | --output)
        [ $# -ge 2 ] || fail "$1 needs a value; --help shows how" 64
        if [ "$1" = --output ]; then output=$2; else platforms=$2; fi
        shift
        ;;
      --help) usage && exit 0 ;;
      *) fail "there is no $1; --help shows what there is" 64 ;;
    esac
    shift
  done
  for platform in $platforms; do
    case $platform in arm64 | x64) ;; *) fail "there is no Node for linux-$platform here; use arm64 or x64" 64 ;; esac
  done
  mkdir -p "$output"
  output=$(cd "$output" && pwd)
  cd "$here/../.."
  version=$(version_of .)
  [ -n "$version" ] || fail "package.json has no version"
  epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  for platform in $platforms; do make_release "$platform"; done
  (cd "$output" && LC_ALL=C && export LC_ALL && sha256sum "energy-monitor-$version-linux-"*.tar.gz >SHA256SUMS)
  echo "release: $output/SHA256SUMS"
}

main "$@"
