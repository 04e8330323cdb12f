"""Comparison: two versions in, one ``Comparison`` out, in seven parts; and the ways to show it."""
