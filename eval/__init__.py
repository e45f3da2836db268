"""Is it any good: datasets, measurements, and what they say."""
