"""The door to what users would write instead: files of `examples`, which are no part of the package."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from eval.errors import EvalError
from index.embed import Embedder
from qa_service.services import Services

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The module of that name; raises `EvalError` where the repository is not at hand."""
    if name in sys.modules:
        return sys.modules[name]
    path = EXAMPLES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.exists() or spec is None or spec.loader is None:
        raise EvalError(f"{path} is not there: run this in a checkout of the repository")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@contextmanager
def engines(
    services: Services, collection: str, embedder: Embedder, url: str, *ks: int
) -> Iterator[list[Any]]:
    """An engine for each `k`, over the chunks and vectors that the collection holds."""
    module = example("citation_query_engine")
    catalog = services.catalog
    held = catalog.collection(collection)
    texts = [
        module.Text(each.id, each.source, catalog.text(each.id).text) for each in catalog.documents(held)
    ]
    nodes = [
        module.node(
            chunk.text, document_id=chunk.document_id, start=chunk.span.start, vector=chunk.vector.tolist()
        )
        for version_id in catalog.live_versions(held)
        for chunk in catalog.version_chunks(held, version_id)
    ]
    indexed = module.indexed(nodes, embedder)
    model = module.ChatEndpoint(url, model="scripted", key=None)
    try:
        yield [module.CitingEngine(texts, indexed, model, k=k) for k in ks]
    finally:
        model.close()
