"""The Pulumi program: what exists in an account."""
