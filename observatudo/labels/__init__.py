"""The labels as people read and decide them: their state, their evidence, their history, what waits for review."""
