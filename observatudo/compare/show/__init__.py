"""The Comparison shown: on a terminal, as Markdown for a pull request, as one HTML page."""
