"""The queue side: records in, visibility timeouts and dead letters out."""
