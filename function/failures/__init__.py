"""What does this failure mean for the message? The reasons, and which AWS error means which."""
