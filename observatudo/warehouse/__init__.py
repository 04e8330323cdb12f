"""From ingested tables to published marts: load, dbt, export, look-up."""
