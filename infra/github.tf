# Scheduled runs in GitHub Actions: a token of GitHub's for a token of Google's, no key anywhere.

resource "google_iam_workload_identity_pool" "github" {
  count = local.from_github ? 1 : 0

  project                   = var.project
  workload_identity_pool_id = "observatudo-${var.environment}"
  display_name              = "Observatudo ${var.environment}"
  description               = "Runs of ${var.github_repository}, branch ${var.github_branch}."

  depends_on = [google_project_service.used]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = local.from_github ? 1 : 0

  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }
  # Without it every repository on GitHub would be let in. A pull request has another ref, so it is not.
  attribute_condition = "assertion.repository == '${var.github_repository}' && assertion.ref == 'refs/heads/${var.github_branch}'"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  count = local.from_github ? 1 : 0

  service_account_id = google_service_account.pipeline.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository/${var.github_repository}"
}
