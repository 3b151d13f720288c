#!/bin/sh
# Makes the place where Terraform keeps its state, and writes backend.hcl, which says where that is. Again whenever you like.
#
# The state holds the keys of the account with the backups: so it has an account of its own, which takes logins only and
# has no key that could be copied.
set -eu

usage() {
  cat <<'END'
usage: ./init-state.sh --account NAME --location REGION [--resource-group NAME]

  --account NAME          of the storage account for the state, which nobody else in the world may have:
                          3 to 24 of a-z and 0-9
  --location REGION       such as westeurope (az account list-locations -o table)
  --resource-group NAME   energy-monitor-state by default

Needs the Azure CLI, logged in (az login) as an owner of the subscription. Then: terraform init -backend-config=backend.hcl
END
}

# $1 what is wrong, $2 what to do
fail() {
  printf 'init-state: %s\n  %s\n' "$1" "$2" >&2
  exit "${3:-64}"
}

say() { printf 'init-state: %s\n' "$1"; }

account=""
location=""
group="energy-monitor-state"
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage && exit 0 ;;
    --account | --location | --resource-group)
      [ $# -ge 2 ] || fail "$1 has no value" "./init-state.sh --help tells what it is"
      case "$1" in
        --account) account="$2" ;;
        --location) location="$2" ;;
        --resource-group) group="$2" ;;
      esac
      shift 2
      ;;
    *) fail "$1 is not known" "./init-state.sh --help tells what is" ;;
  esac
done

case "$account" in
  "") fail "--account is missing" "name the storage account for the state, such as --account energystate4711" ;;
  *[!a-z0-9]*) fail "--account $account has other characters than a-z and 0-9" "Azure takes 3 to 24 of these" ;;
esac
if [ ${#account} -lt 3 ] || [ ${#account} -gt 24 ]; then
  fail "--account $account has ${#account} characters" "Azure takes 3 to 24"
fi
case "$location" in
  "") fail "--location is missing" "name a region, such as --location westeurope" ;;
  *[!a-z0-9]*) fail "--location $location is no name of a region" "take one of the column Name of: az account list-locations -o table" ;;
esac
case "$group" in
  "" | *[!A-Za-z0-9_.-]*) fail "--resource-group $group is no name that Azure takes" "use letters, digits, _ . and -" ;;
esac

command -v az >/dev/null || fail "there is no az" "install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli" 69
subscription="$(az account show --query id --output tsv 2>/dev/null)" || fail "az is not logged in" "run: az login" 77
me="$(az ad signed-in-user show --query id --output tsv 2>/dev/null)" ||
  fail "az is logged in, but not as a person" "run az login as yourself: the right to the state is given to a person" 77

say "subscription $subscription"
say "registering Microsoft.Storage with it, which can take minutes the first time"
az provider register --namespace Microsoft.Storage --wait --output none

say "resource group $group in $location"
az group create --name "$group" --location "$location" --output none

say "storage account $account, for logins only"
az storage account create --name "$account" --resource-group "$group" --location "$location" \
  --kind StorageV2 --sku Standard_LRS --https-only true --min-tls-version TLS1_2 \
  --allow-blob-public-access false --allow-shared-key-access false --output none

# A state that was overwritten or deleted by mistake comes back.
say "versions and undelete, 30 days"
az storage account blob-service-properties update --account-name "$account" --resource-group "$group" \
  --enable-versioning true --enable-delete-retention true --delete-retention-days 30 \
  --enable-container-delete-retention true --container-delete-retention-days 30 --output none

# Through the management of Azure: the right to the data, given below, takes minutes to count.
say "container state"
az storage container-rm create --storage-account "$account" --resource-group "$group" --name state --output none

say "the right to read and write it, for you"
scope="$(az storage account show --name "$account" --resource-group "$group" --query id --output tsv)"
az role assignment create --assignee-object-id "$me" --assignee-principal-type User \
  --role "Storage Blob Data Contributor" --scope "$scope/blobServices/default/containers/state" --output none

backend="$(dirname -- "$0")/backend.hcl"
draft="$backend.$$"
cat >"$draft" <<END
# Written by init-state.sh. No secret is in here: Terraform opens the state with your login.
subscription_id      = "$subscription"
resource_group_name  = "$group"
storage_account_name = "$account"
container_name       = "state"
key                  = "energy-monitor.tfstate"
use_azuread_auth     = true
END
mv "$draft" "$backend"
say "wrote $backend; the right can take ten minutes to count, then: terraform init -backend-config=backend.hcl"
