"""The one place that wires the parts together."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from index.catalog import Catalog, Collection
from index.document import Passage
from index.embed import Embedder, open_embedder
from index.errors import InvalidRequest
from index.followers import Followers
from index.ingest import Ingestor, OnEmbedded
from index.jobs import Jobs
from index.load.child import ChildLoader
from index.owner import OwnerLock
from index.retrieve import Retriever
from index.sync import Known
from index.upload import Result, Upload
from qa_service.answer import Answer, Answerer, Event, Finished, Question
from qa_service.budgets import budgets_of
from qa_service.conversations.history import Turn, trimmed
from qa_service.conversations.messages import turns_of
from qa_service.conversations.rewriting import ModelRewriter, RuleRewriter
from qa_service.conversations.store import Caller, Conversations
from qa_service.database import open_database
from qa_service.extractive import ExtractiveWriter
from qa_service.feedback import Feedback
from qa_service.keys import Keys
from qa_service.llm import ChatModel, LiteLLMModel, Timeouts, provider_of
from qa_service.metering import Account, MeteredModel
from qa_service.relevance import assessor
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.settings import Settings
from qa_service.verifying import ModelVerifier
from qa_service.wire import answer_json
from qa_service.writing import ModelWriter, Writer


class Services:
    """Everything that a data directory needs to be indexed, searched and asked.

    The caller holds the directory's `OwnerLock` as long as the services are open. An `embedder` that is given
    takes the place of the settings' own, and is left open.
    """

    def __init__(self, settings: Settings, *, embedder: Embedder | None = None) -> None:
        self.settings = settings
        with ExitStack() as opened:
            database = open_database(settings)
            opened.callback(database.close)
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
            self.followers = Followers(
                settings.data_dir / "followers", self.catalog, chroma_url=settings.chroma_url
            )
            opened.callback(self.followers.close)
            self.loader = ChildLoader(seconds=settings.parse_seconds, megabytes=settings.parse_megabytes)
            opened.callback(self.loader.close)
            self.retriever = Retriever(self.catalog, self.embedder, self.followers)
            self.budgets = budgets_of(settings, database)
            self.model = open_model(settings)
            self._second = open_verifying_model(settings)
            self.answerer = self.answerer_with(self.model)
            self._opened = opened.pop_all()

    def answerer_with(self, model: ChatModel | None, *, second: ChatModel | None = None) -> Answerer:
        """What answers from these documents with the given model, or without one by quoting.

        `second` takes the place of the model that the settings name for second opinions, if they name one.
        """
        second = second or self._second or model
        max_tokens = self.settings.max_output_tokens
        writer: Writer = ModelWriter(model, max_tokens=max_tokens) if model else ExtractiveWriter()
        return Answerer(
            self.catalog,
            self.retriever,
            writer,
            assess=assessor(self.embedder.name, point="model" if model else "extractive"),
            total_seconds=self.settings.answer_seconds,
            rewriter=ModelRewriter(model) if model else RuleRewriter(),
            verifier=ModelVerifier(second, policy=self.settings.verify_policy, max_tokens=max_tokens)
            if model and second and self.settings.verify
            else None,
        )

    def collection(self, name: str) -> Collection:
        """The collection of that name, made for the embedding model of the settings where it is new."""
        return self.catalog.ensure_collection(
            name, embedding_model=self.embedder.name, dimension=self.embedder.dimension
        )

    def ingestor(self, collection: Collection) -> Ingestor:
        """What writes documents into a collection."""
        return Ingestor(self.catalog, collection, self.embedder, self.followers, load=self.loader)

    def _answerer_for(self, caller: Caller) -> Answerer:
        """What answers whoever calls, as far as the budgets allow."""
        if self.model is None or not self.budgets.are_limited:
            return self.answerer
        owner = caller.key_id or ""
        self.budgets.require(owner)
        account = Account(self.budgets, owner)
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
        events = self._answerer_for(caller).answer(
            Question(
                wanted.question,
                collection=wanted.collection,
                k=wanted.k or self.settings.passages,
                only=wanted.filter,
                history=trimmed(self._history(wanted, caller), max_tokens=self.settings.history_tokens),
            ),
            cancelled=cancelled,
        )
        return self._kept(events, wanted, caller)

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


class LocalShelf:
    """A collection of services that are open here, to synchronise a folder with."""

    def __init__(self, services: Services, collection: str, *, on_embedded: OnEmbedded) -> None:
        self._services = services
        self._collection = services.collection(collection)
        self._ingestor = services.ingestor(self._collection)
        self._on_embedded = on_embedded

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        return self._services.catalog.documents(self._collection)

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        return self._ingestor.put(uploads, on_embedded=self._on_embedded)

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        self._ingestor.delete(document_id)


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


def open_model(settings: Settings) -> LiteLLMModel | None:
    """The model that the settings name, None where they name none."""
    if settings.model is None:
        return None
    return _open(settings, settings.model, fallbacks=settings.model_fallbacks)


def open_verifying_model(settings: Settings) -> LiteLLMModel | None:
    """The model that gives second opinions, None where the settings name none, or the one that writes."""
    if settings.verify in (None, "model", settings.model):
        return None
    return _open(settings, settings.verify)


def _open(settings: Settings, name: str, *, fallbacks: Sequence[str] = ()) -> LiteLLMModel:
    same = provider_of(name) == provider_of(settings.model or name)
    return LiteLLMModel(
        name,
        timeouts=timeouts(settings),
        api_base=settings.model_api_base if same else None,
        fallbacks=fallbacks,
        cooldown_seconds=settings.model_cooldown_seconds,
        system_role=settings.model_system_role,
    )


def timeouts(settings: Settings) -> Timeouts:
    """How long a model may keep us waiting, as the settings say."""
    return Timeouts(
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        idle_seconds=settings.idle_seconds,
    )
