"""What came from SQS, and what goes back to it? Records, visibility timeouts, dead letters."""
