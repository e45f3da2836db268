"""How fast is it: answers against another engine, streams at once, search and indexing by size.

Everything is generated from a seed, and models are scripted over loopback, so that figures need no key and no
network. A machine's speed cancels out of a ratio within one run, not out of milliseconds: compare ratios.
"""
