"""Benchmarks: what a message costs, how a backlog drains, and the same in real time."""
