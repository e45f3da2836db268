"""LlamaIndex's CitationQueryEngine behind this product's HTTP interface, so that both can be measured alike.

    python examples/citation_query_engine.py examples/documents --model gpt-4.1-mini --port 8090
    qa-eval run examples --target http://127.0.0.1:8090 --out .eval/citation-query-engine

The engine is LlamaIndex's own, with its defaults: nodes of 1,024 tokens, two of them retrieved by vector, cut
into sources of 512, and a prompt that asks for `[1]` marks. Two parts are shared with this product, so that
a difference is the engine's: how files become text (`index.load`), and the local embedding model, which also
means that nothing is downloaded. Every model with an OpenAI-compatible endpoint will do, a litellm proxy too.

The engine tells neither spans nor whether it declined. A citation is a source node: its quote is the whole
source, and its span is where that stands in the document, found again here and left out where it can't be.
No `status` is made up, so that metrics of abstention and conflict are undefined, not 0.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import httpx
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen, LLMMetadata
from llama_index.core.llms.custom import CustomLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.node_parser.text.utils import split_by_sentence_tokenizer_internal
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TextNode
from nltk.tokenize import PunktSentenceTokenizer  # type: ignore[import-untyped]

from eval.openai_shape import answer_json
from index.embed import Embedder, open_embedder
from index.errors import LoadError
from index.load import load
from index.walk import walk

_TEXT_PATH = re.compile(r"/v1/documents/([0-9a-f]{16})/text")
_PUNKT = PunktSentenceTokenizer()
_SOURCE = re.compile(r"Source \d+:\n(.*)\n", re.DOTALL)


class ModelFailed(Exception):
    """The model's endpoint gave no reply; no ValueError, which LlamaIndex would pass over in silence."""


@dataclass(frozen=True, slots=True)
class Text:
    """A document as it was loaded; `source` is its path below the folder."""

    id: str
    source: str
    text: str


class LocalEmbedding(BaseEmbedding):
    """One of this product's embedding models, as LlamaIndex calls it."""

    _embedder: Embedder

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(model_name=embedder.name)
        self._embedder = embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embedder.embed_query(query).tolist()  # type: ignore[no-any-return]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.embed(texts).tolist()  # type: ignore[no-any-return]


class ChatEndpoint(CustomLLM):
    """A model behind an OpenAI-compatible endpoint; `url` ends where `/chat/completions` follows.

    `context_window` is what prompts are packed into and `max_tokens` the most that a reply may have, in tokens.
    """

    model: str
    context_window: int
    max_tokens: int
    _http: httpx.Client
    _spent: threading.local

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: str | None,
        context_window: int = 128_000,
        max_tokens: int = 1_000,
        seconds: float = 60,
    ) -> None:
        super().__init__(model=model, context_window=context_window, max_tokens=max_tokens)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(seconds, connect=5))
        self._spent = threading.local()

    @property
    def metadata(self) -> LLMMetadata:
        """The context that prompts are packed into, and the model's name."""
        return LLMMetadata(
            model_name=self.model, context_window=self.context_window, num_output=self.max_tokens
        )

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The model's reply; `ModelFailed` where there is none."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": self.max_tokens,
        }
        try:
            reply = self._http.post("chat/completions", json=body)
            reply.raise_for_status()
            value = reply.json()
            text = str(value["choices"][0]["message"]["content"] or "")
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise ModelFailed(f"{self.model} did not answer: {error or type(error).__name__}") from error
        self._spend(value.get("usage") or {})
        return CompletionResponse(text=text)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The same in one piece: the engine does not stream by default."""

        def whole() -> CompletionResponseGen:
            found = self.complete(prompt, formatted, **kwargs)
            yield CompletionResponse(text=found.text, delta=found.text)

        return whole()

    def close(self) -> None:
        """Close the connections to the endpoint."""
        self._http.close()

    def begin(self) -> None:
        """Count this thread's tokens from zero."""
        self._spent.tokens = {}

    @property
    def spent(self) -> dict[str, int]:
        """The tokens of this thread's calls since `begin`, as the endpoint counts them."""
        return dict(self._spent.tokens)

    def _spend(self, usage: Mapping[str, int]) -> None:
        for name in usage.keys() & {"prompt_tokens", "completion_tokens"}:
            self._spent.tokens[name] = self._spent.tokens.get(name, 0) + usage[name]


class CitingEngine:
    """A CitationQueryEngine that retrieves `k` nodes; their metadata name `document_id` and `start`."""

    def __init__(
        self, texts: Sequence[Text], indexed: VectorStoreIndex, model: ChatEndpoint, *, k: int = 2
    ) -> None:
        self.texts = {each.id: each for each in texts}
        self._model = model
        splitter = SentenceSplitter(chunk_size=512, chunk_overlap=20, chunking_tokenizer_fn=sentences)
        self._engine = CitationQueryEngine.from_args(
            indexed, llm=model, similarity_top_k=k, text_splitter=splitter
        )

    def answer(self, question: str) -> dict[str, Any]:
        """The answer in the shape of `POST /v1/answers`, as far as the engine tells what stands there."""
        begin = time.perf_counter()
        self._model.begin()
        bundle = QueryBundle(question)
        # what `query` does, in its two halves, so that each can be timed
        sources = self._engine.retrieve(bundle)
        retrieved = time.perf_counter()
        response = self._engine.synthesize(bundle, sources)
        passages = [self._passage(rank, each) for rank, each in enumerate(response.source_nodes, start=1)]
        message = {
            "content": str(response) if passages else "",
            "sources": [{"source": each["source"], "text": each["text"]} for each in passages],
        }
        read = answer_json({"choices": [{"message": message}], "model": self._model.model})
        places = {
            each["rank"]: {name: each[name] for name in ("document_id", "chunk_id", "span", "title")}
            for each in passages
        }
        total = (time.perf_counter() - begin) * 1000
        timings = {"retrieve": (retrieved - begin) * 1000, "total": total}
        if read["claims"]:
            timings["first_claim"] = total  # nothing is sent before the whole is there
        return {
            **read,
            "citations": [{**each, **places[each["number"]]} for each in read["citations"]],
            "passages": passages,
            "usage": self._model.spent,
            "timings_ms": {name: round(ms, 1) for name, ms in timings.items()},
        }

    def _passage(self, rank: int, found: NodeWithScore) -> dict[str, Any]:
        match = _SOURCE.fullmatch(found.node.get_content())
        quote = match[1] if match else found.node.get_content()
        document = self.texts[found.node.metadata["document_id"]]
        start = place(quote, document.text, near=found.node.metadata["start"])
        return {
            "rank": rank,
            "score": found.score,
            "chunk_id": f"{document.id}:{rank}",
            "document_id": document.id,
            "source": document.source,
            "title": Path(document.source).stem,
            "span": None if start is None else {"start": start, "end": start + len(quote)},
            "text": quote,
        }


def place(quote: str, text: str, *, near: int) -> int | None:
    """Where a source stands in its document: at or after its node's start, else anywhere, else None."""
    found = text.find(quote, near)
    return next((at for at in (found, text.find(quote)) if at >= 0), None)


def read_folder(folder: Path) -> list[Text]:
    """The documents below a folder; those that can't be read are named on standard error and left out."""
    found = []
    for path in walk(folder).files:
        source = path.relative_to(folder).as_posix()
        try:
            text = load(path.read_bytes(), name=path.name).text
        except LoadError as error:
            click.echo(f"{source}: {error}", err=True)
            continue
        found.append(Text(hashlib.sha256(source.encode()).hexdigest()[:16], source, text))
    return found


def split(texts: Sequence[Text]) -> list[BaseNode]:
    """Nodes as LlamaIndex cuts them by default, with their document and where they start in it."""
    documents = [Document(text=each.text, metadata={"document_id": each.id, "start": 0}) for each in texts]
    for document in documents:  # as its directory reader does: models see none of this
        document.excluded_embed_metadata_keys = document.excluded_llm_metadata_keys = [*document.metadata]
    nodes = SentenceSplitter(chunking_tokenizer_fn=sentences).get_nodes_from_documents(documents)
    for node in nodes:
        node.metadata["start"] = getattr(node, "start_char_idx", None) or 0
    return nodes


def sentences(text: str) -> list[str]:
    """What LlamaIndex splits by where it is not told.

    Its own way there also opens nltk's list of stop words, which nltk refuses where an installer has linked files
    instead of copying them, as uv does.
    """
    return split_by_sentence_tokenizer_internal(text, _PUNKT)


def node(text: str, *, document_id: str, start: int, vector: Sequence[float]) -> BaseNode:
    """A node that was cut and embedded elsewhere, so that a benchmark can give both systems the same."""
    metadata = {"document_id": document_id, "start": start}
    return TextNode(
        text=text,
        metadata=metadata,
        excluded_embed_metadata_keys=[*metadata],
        excluded_llm_metadata_keys=[*metadata],
        embedding=[*vector],
    )


def indexed(nodes: Sequence[BaseNode], embedder: Embedder) -> VectorStoreIndex:
    """LlamaIndex's own index in memory; nodes that have no vector are embedded."""
    return VectorStoreIndex(nodes, embed_model=LocalEmbedding(embedder))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, engine: CitingEngine) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.engine = engine


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        match = _TEXT_PATH.fullmatch(self.path)
        document = self.server.engine.texts.get(match[1]) if match else None
        if document:
            self._json(200, {"text": document.text})
        else:
            self._json(404, {"detail": f"there is nothing at {self.path}"})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            question, stream = str(body["question"]), body.get("stream", False)
        except (ValueError, LookupError, TypeError, AttributeError):
            self._json(400, {"detail": 'send {"question": "..."} as JSON'})
            return
        if self.path != "/v1/answers":
            self._json(404, {"detail": f"there is nothing at {self.path}: ask at /v1/answers"})
            return
        try:
            answer = self.server.engine.answer(question)
        except ModelFailed as error:
            self._json(502, {"detail": str(error)})
            return
        if stream:
            self._send(200, "text/event-stream; charset=utf-8", f"event: done\ndata: {_dump(answer)}\n\n")
        else:
            self._json(200, answer)

    def _json(self, status: int, value: Mapping[str, Any]) -> None:
        self._send(status, "application/json", _dump(value))

    def _send(self, status: int, content_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--model", required=True, help="The name that the endpoint is asked for.")
@click.option("--api-base", default="https://api.openai.com/v1", show_default=True, help="The endpoint.")
@click.option(
    "--port", default=8090, show_default=True, help="The port on loopback; 0 takes any that is free."
)
@click.option("-k", default=2, show_default=True, help="Nodes that are retrieved (similarity_top_k).")
@click.option(
    "--context-window",
    default=128_000,
    show_default=True,
    help="Tokens that the model takes and writes in all.",
)
@click.option("--max-tokens", default=1_000, show_default=True, help="Tokens that a reply may have.")
@click.option("--seconds", default=60.0, show_default=True, help="How long to wait for a reply.")
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.qa-service/models"),
    show_default=True,
    help="Where the converted local embedding model is kept.",
)
def main(
    folder: Path,
    model: str,
    api_base: str,
    port: int,
    k: int,
    context_window: int,
    max_tokens: int,
    seconds: float,
    cache_dir: Path,
) -> None:
    """Serve LlamaIndex's CitationQueryEngine over the documents in FOLDER, on loopback only.

    The endpoint's key is in OPENAI_API_KEY.
    """
    embedder = open_embedder(None, cache_dir=cache_dir.expanduser())
    endpoint = ChatEndpoint(
        api_base,
        model=model,
        key=os.environ.get("OPENAI_API_KEY"),
        context_window=context_window,
        max_tokens=max_tokens,
        seconds=seconds,
    )
    texts = read_folder(folder)
    nodes = split(texts)
    engine = CitingEngine(texts, indexed(nodes, embedder), endpoint, k=k)
    with _Server(port, engine) as server:
        click.echo(
            f"{len(texts)} documents, {len(nodes)} nodes: serving http://127.0.0.1:{server.server_port}"
        )
        server.serve_forever()


if __name__ == "__main__":
    main()
