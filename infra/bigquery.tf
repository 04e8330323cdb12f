# No table in either expires by itself: default_table_expiration_ms stays unset.

resource "google_bigquery_dataset" "models" {
  dataset_id    = local.dataset
  project       = var.project
  location      = var.location
  friendly_name = "Observatudo (${var.environment})"
  description   = "What dbt builds: dimensions, facts and marts. Made anew by every run; read here."
  labels        = local.labels

  max_time_travel_hours      = "168"
  delete_contents_on_destroy = false

  depends_on = [google_project_service.used]
}

resource "google_bigquery_dataset" "raw" {
  dataset_id    = "${local.dataset}_raw"
  project       = var.project
  location      = var.location
  friendly_name = "Observatudo, loads (${var.environment})"
  description   = "What loads send, with the ledger of loads. Only the pipeline writes here."
  labels        = local.labels

  max_time_travel_hours      = "168"
  delete_contents_on_destroy = false

  depends_on = [google_project_service.used]
}
