"""Rollback: configuration, data and warehouse of an earlier version, as a new commit; shown first, and undone whole."""
