"""Whether a task may be launched now, and the RunTask calls that launch it."""
