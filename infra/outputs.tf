output "env" {
  description = "The lines of .env, and the variables of the GitHub repository: terraform output -raw env >../.env.prod"
  value       = <<-LINES
    OBSERVATUDO_ENV=${var.environment}
    OBSERVATUDO_PROJECT=${var.project}
    OBSERVATUDO_DATASET=${google_bigquery_dataset.models.dataset_id}
    OBSERVATUDO_LOCATION=${google_bigquery_dataset.models.location}
    OBSERVATUDO_BUCKET=${google_storage_bucket.data.name}
  LINES
}

output "service_account" {
  description = "The pipeline's account: the variable OBSERVATUDO_SERVICE_ACCOUNT of the GitHub repository."
  value       = google_service_account.pipeline.email
}

output "reader" {
  description = "The account that reads the models and nothing else."
  value       = google_service_account.reader.email
}

output "workload_identity_provider" {
  description = "The variable OBSERVATUDO_IDENTITY_PROVIDER of the GitHub repository; empty without one."
  value       = local.from_github ? google_iam_workload_identity_pool_provider.github[0].name : ""
}
