"""Asking models over OpenAI's protocol: one execution asks one model and appends what it answers to one file."""
