# terraform test: without a provider, an account or a network.

variables {
  subscription_id = "00000000-0000-4000-8000-000000000000"
  account         = "energymonitor4711"
  resource_group  = "energy-monitor-backups"
  location        = "westeurope"
  machines        = ["house", "garden-house"]
  alert_emails    = ["me@example.com"]
  budget          = 5
  undo_days       = 14
}

run "names_follow_the_machines" {
  command = plan

  assert {
    condition     = output.containers == { house = "energy-monitor-house", "garden-house" = "energy-monitor-garden-house" }
    error_message = "Each machine has a container of its own."
  }

  assert {
    condition     = output.urls["house"] == "https://energymonitor4711.blob.core.windows.net/energy-monitor-house"
    error_message = "The URL is the one that the agent takes."
  }

  assert {
    condition     = length(output.grant_commands) == 2 && strcontains(output.grant_commands["house"], "--container ${output.urls["house"]} --name house ")
    error_message = "Each machine has the command that makes its SAS."
  }

  assert {
    condition     = strcontains(output.config["house"], "azure: ${output.urls["house"]}\n")
    error_message = "The configuration names the machine's own container."
  }
}

run "longest_name_fits_a_container" {
  command = plan

  variables {
    machines = ["a234567890b234567890c234567890d234567890"]
  }

  assert {
    condition     = alltrue([for name in values(output.containers) : length(name) <= 63])
    error_message = "Azure takes names of containers up to 63 characters."
  }
}

run "refuses_an_account_with_a_hyphen" {
  command = plan

  variables {
    account = "energy-monitor"
  }

  expect_failures = [var.account]
}

run "refuses_a_long_account" {
  command = plan

  variables {
    account = "energymonitorenergymonitor"
  }

  expect_failures = [var.account]
}

run "refuses_a_subscription_by_name" {
  command = plan

  variables {
    subscription_id = "Pay-As-You-Go"
  }

  expect_failures = [var.subscription_id]
}

run "refuses_the_display_name_of_a_region" {
  command = plan

  variables {
    location = "West Europe"
  }

  expect_failures = [var.location]
}

run "refuses_a_group_that_a_shell_takes_apart" {
  command = plan

  variables {
    resource_group = "my group; rm"
  }

  expect_failures = [var.resource_group]
}

run "refuses_no_machine" {
  command = plan

  variables {
    machines = []
  }

  expect_failures = [var.machines]
}

run "refuses_a_machine_with_capitals" {
  command = plan

  variables {
    machines = ["house", "My_House"]
  }

  expect_failures = [var.machines]
}

run "refuses_a_machine_with_two_hyphens" {
  command = plan

  variables {
    machines = ["my--house"]
  }

  expect_failures = [var.machines]
}

run "refuses_to_tell_nobody" {
  command = plan

  variables {
    alert_emails = []
  }

  expect_failures = [var.alert_emails]
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    alert_emails = ["me"]
  }

  expect_failures = [var.alert_emails]
}

run "refuses_a_budget_of_nothing" {
  command = plan

  variables {
    budget = 0
  }

  expect_failures = [var.budget]
}

run "refuses_half_a_day" {
  command = plan

  variables {
    undo_days = 1.5
  }

  expect_failures = [var.undo_days]
}

run "refuses_a_year_of_undo" {
  command = plan

  variables {
    undo_days = 365
  }

  expect_failures = [var.undo_days]
}
