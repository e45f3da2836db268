"""The end of every message that says that the local model can't be used."""

REMEDY = (
    "or set QA_EMBEDDING_MODEL to an embedding model that litellm knows, "
    "for example openai/text-embedding-3-small"
)
