"""Conversations: what was said before, follow-up questions put in full, and the turns that are kept."""
