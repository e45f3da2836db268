"""Files in, ranked passages out: loading, splitting, embedding, the catalog, its followers, retrieval."""
