"""Connectors: each takes a snapshot from one kind of source."""
