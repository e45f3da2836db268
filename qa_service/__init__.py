"""A question in, an answer out in which every sentence carries a checked citation."""
