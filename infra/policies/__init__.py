"""IAM documents: pure functions that return dicts, so that a test or a reviewer can read them."""
