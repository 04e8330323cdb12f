"""Runs: whose they are, what the log says of them, how they are closed, recorded and shown in MLflow."""
