locals {
  # A container a machine: the SAS of one opens nothing of another.
  containers = { for name in var.machines : name => "energy-monitor-${name}" }
  endpoint   = "https://${var.account}.blob.core.windows.net"
  urls       = { for name, container in local.containers : name => "${local.endpoint}/${container}" }

  sas_file = "/etc/energy-monitor/azure.sas"
}
