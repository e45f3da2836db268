"""Acknowledged uploads, indexed in a thread of their own."""
