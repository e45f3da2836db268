"""Answers in the shape of OpenAI's chat completions: requests, replies, and what describes them."""
