"""What is happening now: the log followed, the runs it tells of, and what their processes take."""
