# What to do next. No key and no SAS is in here: the agent makes the SAS, and writes it into a file alone.

output "resource_group" {
  description = "Where all of it is."
  value       = azurerm_resource_group.backups.name
}

output "containers" {
  description = "URL of the container of each machine."
  value       = module.settings.urls
  depends_on  = [azurerm_storage_container.machine]
}

output "connection_string_command" {
  description = "Fetches the account key into a private file, for energy-monitor azure grant."
  value       = module.settings.connection_string_command
}

output "grant_commands" {
  description = "Makes the SAS of each machine."
  value       = module.settings.grant_commands
}

output "config" {
  description = "For the configuration of each machine."
  value       = module.settings.config
}
