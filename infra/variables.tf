variable "project" {
  description = "The Google Cloud project's id. It exists, and has a billing account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, such as meu-projeto."
  }
}

variable "environment" {
  description = "Which environment this is: part of every name."
  type        = string

  validation {
    condition     = contains(["dev", "ci", "prod"], var.environment)
    error_message = "One of dev, ci, prod."
  }
}

variable "location" {
  description = "Where bucket and datasets are: one region, since BigQuery loads only from a bucket of its own location."
  type        = string
  default     = "southamerica-east1"
}

variable "bucket" {
  description = "The bucket's name, unique in all of Google Cloud. Empty: PROJECT-observatudo-ENVIRONMENT."
  type        = string
  default     = ""
}

variable "noncurrent_days" {
  description = "For how many days the bucket keeps what was overwritten or deleted."
  type        = number
  default     = 90
}

variable "staging_days" {
  description = "For how many days files that were sent for a load stay under cargas/."
  type        = number
  default     = 7
}

variable "readers" {
  description = "Who may read the models, such as group:dados@example.org. Never the raw dataset."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.readers : can(regex("^(user|group|serviceAccount|domain):.+$", who))])
    error_message = "Each reader is user:, group:, serviceAccount: or domain: with a name; open data goes by another way."
  }
}

variable "github_repository" {
  description = "The one repository whose scheduled runs may act as the pipeline, as OWNER/NAME. Empty: none may."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+)?$", var.github_repository))
    error_message = "OWNER/NAME, such as ana/observatudo, or nothing."
  }
}

variable "github_branch" {
  description = "The one branch of that repository."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.github_branch))
    error_message = "A branch's name, such as main."
  }
}

variable "billing_account" {
  description = "The billing account's id, as gcloud billing accounts list prints it. Empty: no budget alert."
  type        = string
  default     = ""
}

variable "budget" {
  description = "What a month may cost before somebody is told, in the billing account's currency. It stops nothing."
  type        = number
  default     = 50
}

variable "budget_emails" {
  description = "Who is told besides the billing account's administrators; five at most."
  type        = set(string)
  default     = []
}
