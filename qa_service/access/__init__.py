"""Who may do what, and spend how much: keys and their tokens, origins of pages, budgets."""
