"""What the handler's benchmark measures: each subject in a process of its own."""
