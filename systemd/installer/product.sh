# shellcheck shell=sh disable=SC2015,SC2034
# What belongs to a release, for release.sh and install.sh alike.

PRODUCT="agent systemd docker terraform install.sh package.json package-lock.json .npmrc README.md CHANGELOG.md ARCHITECTURE.md LICENSE"

# The version in DIRECTORY/package.json: there is no other "version" at that depth.
version_of() { sed -n 's/^  "version": "\([^"]*\)",$/\1/p' "$1/package.json"; }

# Copies the product from a checkout: what git tracks, as it is in the working directory. Without git all but what a person
# may have put there: settings, secrets, the state of Terraform.
copy_product() {
  from=$1
  to=$2
  if [ -e "$from/.git" ] && command -v git >/dev/null; then
    # shellcheck disable=SC2086
    (cd "$from" && git -c safe.directory='*' ls-files -z --cached -- $PRODUCT |
      tar --create --null --files-from=- --ignore-failed-read --file=- 2>/dev/null) | tar --extract --directory="$to" --no-same-owner
  else
    # shellcheck disable=SC2086
    tar --create --directory="$from" --exclude=docker/.env --exclude=docker/secrets --exclude=.terraform \
      --exclude='*.tfstate*' --exclude='*.tfvars' --file=- $PRODUCT | tar --extract --directory="$to" --no-same-owner
  fi
}

# The files of DIRECTORY with their SHA-256, in a fixed order: SHA256SUMS of a release, and what tells two of them apart.
list_checksums() {
  (cd "$1" && find . -type f ! -path ./SHA256SUMS ! -path ./.content -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}
