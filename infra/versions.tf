# The state holds no secret, but names everything: docs/gcp.md says how a team keeps it in a bucket.
terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

# The budget's interface asks who pays for the calls: this project does.
provider "google" {
  project               = var.project
  region                = var.location
  user_project_override = true
  billing_project       = var.project
}
