"""`runtask send --wait`: waits for what becomes of the messages that were sent."""
