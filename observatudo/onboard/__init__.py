"""A file nobody has declared yet → a proposed declaration, tried before anything of the repository changes."""
