"""What status lines, events and logs mean in words, and what to do next."""
