"""Ask the index of this product from LlamaIndex: its own query engine, over our passages.

    qa index examples/documents
    python examples/llama_index_retriever.py "At what depth does the seawater intake lie?"

Without a model the passages are printed. With one (`--model gpt-4.1-mini`, and the key in OPENAI_API_KEY) LlamaIndex
writes the answer, as it writes answers: nothing checks its sentences. `qa ask` does.
"""

from contextlib import AbstractContextManager
from pathlib import Path

import click
from llama_index.core import get_response_synthesizer
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer, ResponseMode

from qa_service.clients.client import Client
from qa_service.llama import Index, PassageRetriever, connected


@click.command()
@click.argument("question")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="The index to open, if not that of QA_DATA_DIR."
)
@click.option("--url", help="Or the address of a service.")
@click.option("--key", envvar="QA_KEY", help="The key that the service asks for.")
@click.option("--collection", default="default", show_default=True)
@click.option("-k", default=5, show_default=True, help="How many passages to find.")
@click.option("--model", help="The model that LlamaIndex is to ask.")
@click.option("--api-base", help="Where the model is, if not at OpenAI.")
def main(
    question: str,
    data_dir: Path | None,
    url: str | None,
    key: str | None,
    collection: str,
    k: int,
    model: str | None,
    api_base: str | None,
) -> None:
    """Print what LlamaIndex answers to QUESTION, and the passages that it was given."""
    index: AbstractContextManager[Index] = Client(url, token=key) if url else connected(data_dir)
    with index as held:
        engine = RetrieverQueryEngine(
            PassageRetriever(held, collection=collection, k=k), _synthesizer(model, api_base)
        )
        response = engine.query(question)
    if model:
        click.echo(f"{response}\n")
    for place in response.source_nodes:
        about = place.metadata
        click.echo(f"{place.score:.2f}  {about['title']}  {about['source']}:{about['start']}-{about['end']}")
        click.echo(f"      {' '.join(place.text.split())}")


def _synthesizer(model: str | None, api_base: str | None) -> BaseSynthesizer:
    if model is None:
        return get_response_synthesizer(llm=MockLLM(), response_mode=ResponseMode.NO_TEXT)
    # A package of its own, llama-index-llms-openai-like.
    from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-untyped]

    llm: LLM = OpenAILike(model=model, api_base=api_base, is_chat_model=True, context_window=32_000)
    return get_response_synthesizer(llm=llm, response_mode=ResponseMode.COMPACT)


if __name__ == "__main__":
    main()
