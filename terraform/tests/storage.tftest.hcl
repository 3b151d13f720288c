# terraform init && terraform test: needs the provider from the registry, no account. With a mock nothing is made.

mock_provider "azurerm" {}

variables {
  subscription_id = "00000000-0000-4000-8000-000000000000"
  account         = "energymonitor4711"
  location        = "westeurope"
  machines        = ["house", "barn"]
  alert_emails    = ["me@example.com"]
}

run "closed_and_undoable" {
  command = plan

  assert {
    condition     = azurerm_storage_account.backups.allow_nested_items_to_be_public == false
    error_message = "No container can be made public."
  }

  assert {
    condition     = azurerm_storage_account.backups.blob_properties[0].versioning_enabled
    error_message = "What is overwritten stays as a version."
  }

  assert {
    condition     = toset([for one in azurerm_storage_container.machine : one.name]) == toset(["energy-monitor-house", "energy-monitor-barn"])
    error_message = "Each machine has a container."
  }

  assert {
    condition     = length(azurerm_management_lock.backups) == 1
    error_message = "The lock is on unless it is taken off."
  }
}

run "lock_can_be_taken_off" {
  command = plan

  variables {
    delete_lock = false
  }

  assert {
    condition     = length(azurerm_management_lock.backups) == 0
    error_message = "delete_lock = false takes it off."
  }
}
