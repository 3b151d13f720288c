# What was checked goes on from here: who uses the variables past this module uses what nobody looked at.

output "resource_group" {
  value = var.resource_group
}

output "account" {
  value = var.account
}

output "location" {
  value = var.location
}

output "alert_emails" {
  value = var.alert_emails
}

output "budget" {
  value = var.budget
}

output "undo_days" {
  value = var.undo_days
}

output "containers" {
  value = local.containers
}

output "urls" {
  value = local.urls
}

output "connection_string_command" {
  # umask: the file is private from its first byte on.
  value = "(umask 077; az storage account show-connection-string --subscription ${var.subscription_id} --resource-group ${var.resource_group} --name ${var.account} --key primary --query connectionString --output tsv > account.connection)"
}

output "grant_commands" {
  value = {
    for name, url in local.urls :
    name => "energy-monitor azure grant --connection-string-file account.connection --container ${url} --name ${name} --out ${name}.sas"
  }
}

output "config" {
  value = {
    for name, url in local.urls : name => <<-EOT
      backup:
        recipient: age1...   # energy-monitor backup keygen prints it
        stores:
          - azure: ${url}
            sasFile: ${local.sas_file}
            writeOnly: true
    EOT
  }
}
