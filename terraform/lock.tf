# Azure refuses to delete the account, its containers and its rules while this is there: in the portal, by az, and by a
# machine that was taken off the list. Blobs are not under it: the agent goes on pruning.

resource "azurerm_management_lock" "backups" {
  count = var.delete_lock ? 1 : 0

  name       = "energy-monitor-backups"
  scope      = azurerm_storage_account.backups.id
  lock_level = "CanNotDelete"
  notes      = "Backups of energy-monitor. terraform apply -var delete_lock=false takes this lock away."

  # So that it comes last, and goes first.
  depends_on = [
    azurerm_storage_container.machine,
    azurerm_storage_management_policy.backups,
  ]
}
