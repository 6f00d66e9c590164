"""The verbs of the command: one module each, with its options, its help and its output.

A module here imports Click and little else; what imports Pulumi or boto3 is imported when the verb
runs, so that help and wrong command lines are answered at once.
"""
