"""What does this message ask for? From its body to the arguments of RunTask calls."""
