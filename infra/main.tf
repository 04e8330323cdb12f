data "google_project" "this" {
  project_id = var.project
}

locals {
  bucket      = var.bucket != "" ? var.bucket : "${var.project}-observatudo-${var.environment}"
  dataset     = "observatudo_${var.environment}"
  from_github = var.github_repository != ""
  has_budget  = var.billing_account != ""
  labels = {
    aplicacao = "observatudo"
    ambiente  = var.environment
  }
  services = [
    "bigquery.googleapis.com",
    "bigquerystorage.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "monitoring.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
  ]
}

# Left on when this is destroyed: another environment, or another team, may use them.
resource "google_project_service" "used" {
  for_each = toset(local.services)

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}
