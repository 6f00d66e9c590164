"""Writes the stack files of a project: from nothing, or one more stage, account or region."""
