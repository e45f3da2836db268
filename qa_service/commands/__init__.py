"""What the program `qa` does with its arguments, and how it shows that in a terminal."""
