"""Generates the files in docs/ that are derived from the code; not part of the product."""
