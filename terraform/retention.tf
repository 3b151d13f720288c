# The agent alone decides which backups stay (keepLast, keepDaily ...): a backup of today uses objects that are years old.
# So no rule here has a base_blob: one by age would delete what newer backups are made of.

resource "azurerm_storage_management_policy" "backups" {
  storage_account_id = azurerm_storage_account.backups.id

  rule {
    name    = "older-versions"
    enabled = true

    filters {
      blob_types = ["blockBlob"]
    }

    actions {
      # What was pruned is a version without a blob. Its age counts from when it was written, so that it can go at the
      # next daily run; from then on soft delete keeps it for undo_days.
      version {
        delete_after_days_since_creation = module.settings.undo_days
      }

      # Nobody makes snapshots. Those of a hand would stay and cost for ever.
      snapshot {
        delete_after_days_since_creation_greater_than = module.settings.undo_days
      }
    }
  }
}
