"""What becomes of a message after its launch."""
