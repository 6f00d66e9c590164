"""Moves dead letters back to the work queue, without a task that is started twice."""
