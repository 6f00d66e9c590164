"""May it be launched now? Pace, capacity, and the RunTask call itself."""
