"""Looks for what would stop an operator: on this machine, in the files, and in each account."""
