"""Promotion: the very same artifact from one account to the next, by its digest."""
