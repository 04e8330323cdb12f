"""The warehouse in BigQuery: what is sent, how it is merged, and what is present."""
