"""Verify: whether records, locks, objects, snapshots and the warehouse are what they were when they were made."""
