"""What an answer of AWS, or a defect of a message, means for the message."""
