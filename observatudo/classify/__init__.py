"""Which of the eleven axes an indicator belongs to: the source, a person, rules, then an embedded sentence encoder."""
