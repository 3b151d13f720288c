# Looked at before anything is made. Nothing in this directory needs a provider.

variable "subscription_id" {
  type = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id is \"${var.subscription_id}\": write the id that this prints: az account show --query id -o tsv"
  }
}

variable "account" {
  type = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.account))
    error_message = "account is \"${var.account}\": use 3 to 24 of a-z and 0-9, and nothing else, such as energymonitor4711."
  }
}

variable "resource_group" {
  type = string

  # Azure takes more; these need no quotes in a shell.
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.resource_group))
    error_message = "resource_group is \"${var.resource_group}\": use letters, digits, _ and -, at most 80."
  }
}

variable "location" {
  type = string

  validation {
    condition     = can(regex("^[a-z]+[a-z0-9]*$", var.location))
    error_message = "location is \"${var.location}\": write a name of the second column of az account list-locations -o table, such as westeurope."
  }
}

variable "machines" {
  type = set(string)

  validation {
    condition     = length(var.machines) > 0
    error_message = "machines is empty: name at least one, such as [\"house\"]."
  }

  validation {
    condition     = alltrue([for name in var.machines : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", name)) && length(name) <= 40])
    error_message = "machines has ${join(", ", var.machines)}: use a-z, 0-9 and single hyphens in each, at most 40, such as garden-house."
  }
}

variable "alert_emails" {
  type = list(string)

  validation {
    condition     = length(var.alert_emails) > 0
    error_message = "alert_emails is empty: name at least one address, or nobody is told when the costs rise."
  }

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alert_emails has ${join(", ", var.alert_emails)}: write addresses such as me@example.com."
  }
}

variable "budget" {
  type = number

  validation {
    condition     = var.budget >= 1 && var.budget <= 1000
    error_message = "budget is ${var.budget}: use 1 to 1000 of the subscription's currency a month."
  }
}

variable "undo_days" {
  type = number

  # Azure takes up to 365; longer than a quarter only doubles the bill.
  validation {
    condition     = var.undo_days >= 1 && var.undo_days <= 90 && floor(var.undo_days) == var.undo_days
    error_message = "undo_days is ${var.undo_days}: use a whole number from 1 to 90."
  }
}
