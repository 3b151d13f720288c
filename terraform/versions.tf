terraform {
  # 1.9: conditions of one variable may look at another.
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source = "hashicorp/azurerm"
      # Checked against the schemas of 4.73 and 5.10.
      version = ">= 4.73, < 6.0"
    }
  }

  # The rest is in backend.hcl, which init-state.sh writes.
  backend "azurerm" {}
}

provider "azurerm" {
  subscription_id = var.subscription_id

  # 4.x would register some 60 services with the subscription, 5.x none: this one, with both. Those for budgets and locks
  # are registered from the start.
  resource_provider_registrations = "none"
  resource_providers_to_register  = ["Microsoft.Storage"]

  features {
    resource_group {
      # What somebody else put into the group does not go with it.
      prevent_deletion_if_contains_resources = true
    }
  }
}
