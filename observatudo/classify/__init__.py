"""Which of the eleven axes an indicator belongs to: the source, a person, rules, then what examples teach."""
