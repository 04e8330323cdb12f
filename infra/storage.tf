# The place for DVC's data, and under cargas/ for what a load sends.
resource "google_storage_bucket" "data" {
  name     = local.bucket
  project  = var.project
  location = var.location
  labels   = local.labels

  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # DVC never overwrites an object: what becomes noncurrent was deleted, by dvc gc or by mistake.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = var.noncurrent_days
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  # BigQuery has its own copy once a load is done.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.staging_days
      with_state     = "LIVE"
      matches_prefix = ["cargas/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = 1
      matches_prefix             = ["cargas/"]
    }
  }

  depends_on = [google_project_service.used]
}
