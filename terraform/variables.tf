# Conditions and their remedies are in settings/variables.tf, which needs no provider: its tests run without Azure.

variable "subscription_id" {
  type        = string
  description = "Id of the subscription that pays: az account show --query id -o tsv"
}

variable "account" {
  type        = string
  description = "Name of the storage account, which nobody else in the world may have: 3 to 24 of a-z and 0-9."
}

variable "resource_group" {
  type        = string
  description = "Made for this alone: the budget counts what is in it."
  default     = "energy-monitor-backups"
}

variable "location" {
  type        = string
  description = "Region, such as westeurope: az account list-locations -o table. Later changes mean a new account."
}

variable "machines" {
  type        = set(string)
  description = "Names of the machines that back up, such as house: each gets a container of its own."
}

variable "alert_emails" {
  type        = list(string)
  description = "Who is told when the costs come near the budget."
}

variable "budget" {
  type        = number
  description = "Monthly, in the currency of the subscription. It tells, it does not stop anything."
  default     = 5
}

variable "undo_days" {
  type        = number
  description = "How long what was deleted or overwritten can be brought back. It is paid for as long."
  default     = 14
}

variable "delete_lock" {
  type        = bool
  description = "Whether Azure refuses to delete the account and its containers. false before they are to go."
  default     = true
}

variable "tags" {
  type        = map(string)
  description = "Written on the resource group and the account."
  default     = {}
}
