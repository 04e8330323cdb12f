"""A read-only HTTP API over runs, datasets, versions, comparisons, labels and alerts (the extra ``api``)."""
