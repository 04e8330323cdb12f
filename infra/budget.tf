# Tells; stops nothing. What stops is warehouse.budget_gb in params.yaml, before each job.

resource "google_monitoring_notification_channel" "budget" {
  for_each = local.has_budget ? var.budget_emails : toset([])

  project      = var.project
  display_name = "Observatudo ${var.environment}: budget"
  type         = "email"
  labels = {
    email_address = each.value
  }

  depends_on = [google_project_service.used]
}

resource "google_billing_budget" "month" {
  count = local.has_budget ? 1 : 0

  billing_account = var.billing_account
  display_name    = "Observatudo ${var.environment} (${var.project})"

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }
  threshold_rules {
    threshold_percent = 0.9
  }
  threshold_rules {
    threshold_percent = 1.0
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  dynamic "all_updates_rule" {
    for_each = length(var.budget_emails) > 0 ? [1] : []

    content {
      monitoring_notification_channels = [for channel in google_monitoring_notification_channel.budget : channel.id]
      disable_default_iam_recipients   = false
    }
  }

  depends_on = [google_project_service.used]
}
