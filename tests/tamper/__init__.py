"""The tamper drill: mutations that verify must locate, and clean states that it must leave alone."""
