"""Promotion: the same artifact from one account to the next, identified by its digest."""
