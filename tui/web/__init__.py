"""The dashboard in a browser: what ``observatudo serve`` starts, built on parts of textual-serve."""
