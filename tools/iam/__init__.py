"""A second opinion on the IAM documents, by an evaluator that is not ours."""
