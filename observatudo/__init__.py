"""Observatudo: versions, classifies, models, observes and audits Brazil's public municipal data."""
