"""Alerts: rules over the history of runs, what they found, since when, and who was told."""
