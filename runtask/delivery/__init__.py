"""Brings many messages into a queue: in batches, by threads, with a record to go on from."""
