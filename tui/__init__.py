"""The dashboard in a terminal: screens and widgets only. What they show comes from ``observatudo.history`` and from
the JSON of ``observatudo`` commands, run as child processes."""
