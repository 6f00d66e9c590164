"""The acceptance test of a deployed stage: named probes, and a report that can be shared."""
