"""The pipeline with several stages at work at once: DVC's own steps in one process, the stages' commands beside it."""
