# Who may do what. Neither account has a key: runs come in by workload identity, people by impersonation or as themselves.

resource "google_service_account" "pipeline" {
  account_id   = "observatudo-${var.environment}"
  project      = var.project
  display_name = "Observatudo ${var.environment}: the pipeline"
  description  = "Pushes data, loads, builds models. No key."

  depends_on = [google_project_service.used]
}

resource "google_service_account" "reader" {
  account_id   = "observatudo-${var.environment}-leitura"
  project      = var.project
  display_name = "Observatudo ${var.environment}: reads the models"
  description  = "For panels and notebooks. No key."

  depends_on = [google_project_service.used]
}

resource "google_storage_bucket_iam_member" "pipeline_objects" {
  bucket = google_storage_bucket.data.name
  role   = "roles/storage.objectUser"
  member = google_service_account.pipeline.member
}

# storage.buckets.get, which objectUser lacks: Google names it for load jobs, and observatudo doctor reads location and versioning.
resource "google_storage_bucket_iam_member" "pipeline_bucket" {
  bucket = google_storage_bucket.data.name
  role   = "roles/storage.legacyBucketReader"
  member = google_service_account.pipeline.member
}

resource "google_bigquery_dataset_iam_member" "pipeline_models" {
  project    = var.project
  dataset_id = google_bigquery_dataset.models.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.pipeline.member
}

resource "google_bigquery_dataset_iam_member" "pipeline_raw" {
  project    = var.project
  dataset_id = google_bigquery_dataset.raw.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.pipeline.member
}

# Jobs and read sessions belong to a project: there is no narrower place to grant them.
resource "google_project_iam_member" "pipeline_project" {
  for_each = toset(["roles/bigquery.jobUser", "roles/bigquery.readSessionUser"])

  project = var.project
  role    = each.value
  member  = google_service_account.pipeline.member
}

resource "google_bigquery_dataset_iam_member" "reader_models" {
  project    = var.project
  dataset_id = google_bigquery_dataset.models.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.reader.member
}

resource "google_bigquery_dataset_iam_member" "readers_models" {
  for_each = var.readers

  project    = var.project
  dataset_id = google_bigquery_dataset.models.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value
}
