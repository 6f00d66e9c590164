"""What a message asks for: from its body to the parameters of RunTask calls."""
