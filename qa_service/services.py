"""The one place that wires the parts together."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from index.backlog import Backlog, backlog
from index.catalog import Catalog, Collection, mismatches
from index.document import Passage
from index.embed import Embedder, open_embedder
from index.errors import EmbeddingMismatch, InvalidRequest
from index.followers import Followers
from index.ingest import Ingestor
from index.jobs import Jobs
from index.load.child import ChildLoader
from index.owner import OwnerLock
from index.reembed import OnReembedded, reembed
from index.staged import tidy
from qa_service.access.budgets import budgets_of
from qa_service.access.keys import Keys
from qa_service.access.metering import Account, MeteredModel
from qa_service.answering.answer import Answer, Answerer, Event, Finished, Question
from qa_service.answering.extractive import ExtractiveWriter
from qa_service.answering.relevance import assessor
from qa_service.answering.verifying import ModelVerifier
from qa_service.answering.writing import ModelWriter, Writer
from qa_service.conversations.history import Turn, trimmed
from qa_service.conversations.messages import turns_of
from qa_service.conversations.rewriting import ModelRewriter, RuleRewriter
from qa_service.conversations.store import Caller, Conversations
from qa_service.database import chroma_server, lease_of, open_database
from qa_service.errors import ModelError
from qa_service.feedback import Feedback
from qa_service.fetching import Fetcher
from qa_service.llm import ChatModel
from qa_service.models import open_model, open_verifying_model
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.settings import Settings
from qa_service.telemetry.metrics import Metrics
from qa_service.telemetry.observing import ObservedModel, observed
from qa_service.telemetry.stages import retriever
from qa_service.telemetry.tracing import UNTRACED, Tracing
from qa_service.wire import answer_json

log = logging.getLogger(__name__)


class Services:
    """Everything that a data directory needs to be indexed, searched and asked.

    The caller holds the directory's `OwnerLock` as long as the services are open. An `embedder` that is given
    takes the place of the settings' own, and is left open; a `fetcher` takes that of their own, too. What is done
    is counted in `metrics`. The followers are in the data directory, or where `followers_path` says.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        metrics: Metrics | None = None,
        tracing: Tracing = UNTRACED,
        followers_path: Path | None = None,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = metrics or Metrics()
        self.tracing = tracing
        with ExitStack() as opened:
            database = open_database(settings)
            opened.callback(database.close)
            self._database = database
            self.catalog = Catalog(database)
            self.keys = Keys(database)
            self.jobs = Jobs(database)
            self.conversations = Conversations(database, days=settings.conversation_days)
            self.conversations.prune()
            self.feedback = Feedback(database, days=settings.feedback_days)
            opened.callback(self.feedback.close)
            self.feedback.prune()
            if embedder is None:
                embedder = open_embedder(settings.embedding_model, cache_dir=settings.data_dir / "models")
                opened.callback(embedder.close)
            self.embedder = embedder
            lease = lease_of(settings, database)
            if lease is not None:
                opened.callback(lease.release)
            self.followers = Followers(
                followers_path or settings.data_dir / "followers",
                self.catalog,
                server=chroma_server(settings),
                lease=lease,
            )
            opened.callback(self.followers.close)
            for mismatch in self.mismatches():
                log.warning("%s", mismatch)
            for moving in tidy(settings.data_dir, self.catalog):
                log.warning("`qa reindex` of %r was cut off: call it again, and it goes on", moving.name)
            self.loader = ChildLoader(seconds=settings.parse_seconds, megabytes=settings.parse_megabytes)
            opened.callback(self.loader.close)
            self.fetcher = fetcher or Fetcher(settings.url_hosts, max_bytes=settings.max_upload_mib * 2**20)
            self.retriever = retriever(self.catalog, self.embedder, self.followers, tracing)
            self.budgets = budgets_of(settings, database)
            self.publishable_budgets = budgets_of(settings, database, publishable=True)
            self.model = open_model(settings)
            self._second = open_verifying_model(settings)
            self.answerer = self.answerer_with(self.model)
            self._opened = opened.pop_all()

    def mismatches(self) -> list[EmbeddingMismatch]:
        """What keeps collections from being searched: they were indexed with another embedding model."""
        return mismatches(self.catalog.collections(), self.embedder.name)

    def require_searchable(self) -> None:
        """Raise `EmbeddingMismatch` where there are collections, and the embedding model fits none of them."""
        found = self.mismatches()
        if found and len(found) == len(self.catalog.collections()):
            raise found[0]

    def answerer_with(self, model: ChatModel | None, *, second: ChatModel | None = None) -> Answerer:
        """What answers from these documents with the given model, or without one by quoting.

        `second` takes the place of the model that the settings name for second opinions, if they name one.
        """
        second = second or self._second or model
        model, second = self._observed(model), self._observed(second)
        max_tokens = self.settings.max_output_tokens
        writer: Writer = ModelWriter(model, max_tokens=max_tokens) if model else ExtractiveWriter()
        traced = self.tracing.traced
        return Answerer(
            traced(self.catalog, cut="gate"),
            self.retriever,
            writer,
            assess=assessor(self.embedder.name, point="model" if model else "extractive"),
            total_seconds=self.settings.answer_seconds,
            rewriter=traced(ModelRewriter(model) if model else RuleRewriter(), rewrite="rewrite"),
            verifier=traced(
                ModelVerifier(second, policy=self.settings.verify_policy, max_tokens=max_tokens),
                verify="verify",
            )
            if model and second and self.settings.verify
            else None,
        )

    def _observed(self, model: ChatModel | None) -> ChatModel | None:
        return ObservedModel(model, self) if model else None

    def collection(self, name: str) -> Collection:
        """The collection of that name, made for the embedding model of the settings where it is new."""
        return self.catalog.ensure_collection(
            name, embedding_model=self.embedder.name, dimension=self.embedder.dimension
        )

    def create_collection(self, name: str) -> Collection:
        """A new collection for the embedding model of the settings; `CollectionExists` where the name is taken."""
        return self.catalog.create_collection(
            name, embedding_model=self.embedder.name, dimension=self.embedder.dimension
        )

    def delete_collection(self, name: str) -> None:
        """Remove a collection with all that is in it and was made of it; `NotFound` where there is none."""
        collection = self.catalog.collection(name)
        # First, so that a crash leaves a collection that can be deleted once more.
        self.conversations.forget_all({each.id for each in self.catalog.documents(collection)})
        ids = self.catalog.delete_collection(collection)
        self.followers.forget(collection)
        self.retriever.forget(collection)
        tidy(self.settings.data_dir, self.catalog)
        self.conversations.forget_all(set(ids))  # what was answered meanwhile

    def reindex(self, collection: Collection, *, on_embedded: OnReembedded) -> Collection:
        """Move a collection to the embedding model of the settings; gives it as it is then.

        Until it has moved it is as it was, and it is not searched before all of it can be found. `on_embedded` may
        raise, which ends the work; the next call goes on from there. Raises what `reembed` raises.
        """
        moved = reembed(
            self.catalog,
            collection,
            self.embedder,
            self.settings.data_dir,
            on_embedded=on_embedded,
        ).collection
        self.followers.catch_up(moved)
        self.followers.forget(collection)
        self.retriever.forget(collection)
        return moved

    def delete_document(self, collection: Collection, document_id: str) -> None:
        """Remove a document with all that was made of it, also what answers that are kept show of it.

        `NotFound` where the collection has none of that id.
        """
        self.catalog.document(collection, document_id)
        self._forget(document_id)  # first, so that a crash leaves a document that can be deleted once more
        self.ingestor(collection).delete(document_id)
        tidy(self.settings.data_dir, self.catalog)
        self._forget(document_id)  # what was answered meanwhile

    def rename_document(
        self,
        collection: Collection,
        document_id: str,
        *,
        source: str | None = None,
        origin: str | None = None,
        title: str | None = None,
    ) -> None:
        """Give a document another source, origin or title; nothing is parsed or embedded for that.

        Raises `NotFound` where the collection has none of that id, and `SourceTaken`.
        """
        self.catalog.document(collection, document_id)
        self.catalog.rename(document_id, source=source, origin=origin, title=title)
        self.followers.catch_up_own(collection)

    def _forget(self, document_id: str) -> None:
        self.conversations.forget(document_id)
        self.feedback.forget(document_id)

    def keep_up(self) -> bool:
        """Take over what other processes over the same catalog have changed; whether this is the one that leads."""
        for collection in self.followers.keep_up():
            self.retriever.forget(collection)
        return self.followers.lead()

    def ingestor(self, collection: Collection) -> Ingestor:
        """What writes documents into a collection."""
        traced = self.tracing.traced
        return Ingestor(
            traced(self.catalog, add_pending="write", publish="publish"),
            collection,
            traced(self.embedder, embed="embed"),
            traced(self.followers, catch_up="follow", catch_up_own="follow"),
            load=traced(self.loader, call="parse"),
        )

    def backlog(self) -> Backlog:
        """The uploads that wait to be indexed."""
        return backlog(self._database)

    def _answerer_for(self, caller: Caller) -> Answerer:
        """What answers whoever calls, as far as the budgets allow."""
        budgets = self.publishable_budgets if caller.is_publishable else self.budgets
        if self.model is None or not budgets.are_limited:
            return self.answerer
        owner = caller.key_id or ""
        budgets.require(owner)
        account = Account(budgets, owner)
        second = MeteredModel(self._second or self.model, account)
        return self.answerer_with(MeteredModel(self.model, account), second=second)

    def answer(
        self, wanted: AnswerRequest, caller: Caller, *, cancelled: threading.Event | None = None
    ) -> Iterator[Event]:
        """The events of the answer to a question; of a conversation, the end comes when the turn is kept.

        Raises `InvalidRequest` where the question is too long, `NotFound` where the caller has no such
        conversation, `ConversationFull` where it takes no more turns, and `BudgetExhausted`. Setting `cancelled`
        ends the answer, and what a model is doing for it.
        """
        self._check_length("question", wanted.question)
        events = self._admitted(caller).answer(
            Question(
                wanted.question,
                collection=wanted.collection,
                k=wanted.k or self.settings.passages,
                only=wanted.filter,
                history=trimmed(self._history(wanted, caller), max_tokens=self.settings.history_tokens),
            ),
            cancelled=cancelled,
        )
        kept = self._kept(events, wanted, caller)
        return observed(kept, self, question=wanted.question)

    def _admitted(self, caller: Caller) -> Answerer:
        try:
            return self._answerer_for(caller)
        except ModelError as error:
            self.metrics.failed(error.code)
            raise

    def _history(self, wanted: AnswerRequest, caller: Caller) -> tuple[Turn, ...]:
        if wanted.conversation_id:
            return self.conversations.history(wanted.conversation_id, caller)
        messages = ((message.role, message.text) for message in wanted.history or ())
        return turns_of(messages, question=wanted.question)

    def _kept(self, events: Iterator[Event], wanted: AnswerRequest, caller: Caller) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Finished):
                self._keep(event.answer, wanted, caller)
            yield event

    def _keep(self, answer: Answer, wanted: AnswerRequest, caller: Caller) -> None:
        if wanted.conversation_id:
            self.conversations.append(
                wanted.conversation_id,
                caller,
                question=wanted.question,
                query=answer.query,
                said=" ".join(claim.text for claim in answer.claims),
                answer=answer_json(answer),
            )
        self.feedback.keep(
            answer,
            caller,
            question=wanted.question,
            collection=wanted.collection,
            conversation_id=wanted.conversation_id,
        )

    def search(self, wanted: SearchRequest) -> tuple[Passage, ...]:
        """The passages for a query, best first; `InvalidRequest` where it is too long."""
        self._check_length("query", wanted.query)
        collection = self.catalog.collection(wanted.collection)
        return self.retriever.search(collection, wanted.query, k=wanted.k, only=wanted.filter).passages

    def warm_embedder(self) -> None:
        """Load the local embedding model, so that the first question does not wait for it."""
        if self.settings.embedding_model is None:
            self.embedder.embed_query("warm")

    def warm_model(self) -> None:
        """Load what calls the language model, which takes seconds; nothing where there is none."""
        if self.model:
            self.model.warm()

    def close(self) -> None:
        """Close everything cleanly."""
        self._opened.close()

    def _check_length(self, field: str, text: str) -> None:
        limit = self.settings.max_question_characters
        if len(text) > limit:
            raise InvalidRequest(f"{field}: it has {len(text)} characters, and {limit} are taken: shorten it")


@contextmanager
def opened(settings: Settings, *, command: str, embedder: Embedder | None = None) -> Iterator[Services]:
    """The services of a data directory, owned by this process as long as the block runs.

    Raises `DataDirectoryInUse` where another process owns it; `command` is what others are told then.
    """
    lock = OwnerLock(settings.data_dir, command=command)
    try:
        services = Services(settings, embedder=embedder)
        try:
            yield services
        finally:
            services.close()
    finally:
        lock.release()
