# Tells when the costs come near the budget. Azure has no way to stop at it: whoever holds a SAS can fill a container.

resource "azurerm_consumption_budget_resource_group" "backups" {
  name              = "energy-monitor"
  resource_group_id = azurerm_resource_group.backups.id
  amount            = module.settings.budget
  time_grain        = "Monthly"

  time_period {
    # Azure takes the first of the current month, and no other afterwards.
    start_date = formatdate("YYYY-MM-01'T'00:00:00'Z'", plantimestamp())
  }

  notification {
    operator       = "GreaterThanOrEqualTo"
    threshold      = 80
    threshold_type = "Actual"
    contact_emails = module.settings.alert_emails
  }

  notification {
    operator       = "GreaterThanOrEqualTo"
    threshold      = 100
    threshold_type = "Forecasted"
    contact_emails = module.settings.alert_emails
  }

  lifecycle {
    # Next month's first day would replace the budget.
    ignore_changes = [time_period]
  }
}
