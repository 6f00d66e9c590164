"""A model of the AWS services around the handler, and the proof of "launched exactly once"."""
