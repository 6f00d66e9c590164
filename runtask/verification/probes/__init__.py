"""The probes: one module a subject. A probe is a function from a verification to a finding."""
