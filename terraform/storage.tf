# The account, and a container for each machine.

module "settings" {
  source = "./settings"

  subscription_id = var.subscription_id
  account         = var.account
  resource_group  = var.resource_group
  location        = var.location
  machines        = var.machines
  alert_emails    = var.alert_emails
  budget          = var.budget
  undo_days       = var.undo_days
}

resource "azurerm_resource_group" "backups" {
  name     = module.settings.resource_group
  location = module.settings.location
  tags     = var.tags
}

resource "azurerm_storage_account" "backups" {
  name                = module.settings.account
  resource_group_name = azurerm_resource_group.backups.name
  location            = azurerm_resource_group.backups.location
  tags                = var.tags

  account_kind = "StorageV2"
  account_tier = "Standard"
  # Three copies in one place. The journal and the other stores are the further copies.
  account_replication_type = "LRS"
  # Cool bills each blob for 30 days at least: the agent makes and prunes too many for that.
  access_tier = "Hot"

  https_traffic_only_enabled = true
  min_tls_version            = "TLS1_2"
  # 4.x lets containers be made public by default, 5.x does not.
  allow_nested_items_to_be_public = false
  # Users of SFTP with passwords of their own.
  local_user_enabled               = false
  cross_tenant_replication_enabled = false
  # The SAS of a machine is signed with the account key; with this off Azure refuses it.
  shared_access_key_enabled = true
  # The portal and az use the login, and not the key, unless told to.
  default_to_oauth_authentication = true

  sas_policy {
    # A year and a day, longer than energy-monitor azure grant gives by default. It is logged, not refused.
    expiration_period = "366.00:00:00"
    expiration_action = "Log"
  }

  blob_properties {
    # What a stolen key overwrites or deletes stays there as an older version ...
    versioning_enabled = true

    # ... and what is deleted for good can be brought back for some days more.
    delete_retention_policy {
      days = module.settings.undo_days
    }

    container_delete_retention_policy {
      days = module.settings.undo_days
    }
  }

  lifecycle {
    # Another name, or another region, would delete the account with all backups, and make an empty one.
    prevent_destroy = true
  }
}

resource "azurerm_storage_container" "machine" {
  for_each = module.settings.containers

  name                  = each.value
  storage_account_id    = azurerm_storage_account.backups.id
  container_access_type = "private"
}
