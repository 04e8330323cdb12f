"""Audit: who changed what, when and why, read from Git's history and DVC's hashes."""
