import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from index.embed import Embedder
from index.errors import NotFound
from index.upload import Upload
from prompts import prompt
from qa_service.answering.answer import Answer, Answerer, ClaimMade, Event, Finished, PassagesFound, Question
from qa_service.answering.extractive import ExtractiveWriter
from qa_service.answering.relevance import Relevance
from qa_service.answering.writing import ModelWriter
from qa_service.errors import ModelError, ModelIdleTimeout, ModelRefused, ModelReplyEmpty, ModelTruncated
from qa_service.llm import Finish, Message, Piece, Usage
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.wire import event_json

QUESTION = "How much water does the octopus tank hold?"
TANK = "The octopus tank holds 4,000 litres. It was cleaned on 3 May 2024."
PLAN = "The old plan says that the octopus tank holds 3,500 litres."


def ingest(services: Services, **texts: str) -> dict[str, str]:
    """Index texts by name; the ids of their documents."""
    ingestor = services.ingestor(services.collection("default"))
    uploads = [Upload(name, f"{name}.txt", text.encode(), title=name) for name, text in texts.items()]
    return {result.source: result.document_id or "" for result in ingestor.put(uploads)}


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder
) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("answers")
    (folder / "models").symlink_to(model_cache)
    with opened(Settings(data_dir=folder), command="pytest") as services:
        ingest(services, tank=TANK, plan=PLAN, gate="The gate is shut at night.")
        services.collection("bare")
        yield services


Step = str | ModelError | Callable[[], object]


class ScriptedModel:
    """Plays replies, each a list of steps: a text, an error, or something to do.

    In a text, `§tank.2` stands for the id of the second sentence of the document with that title.
    """

    name = "scripted"

    def __init__(self, *replies: Sequence[Step] | str) -> None:
        self._replies = [[reply] if isinstance(reply, str) else reply for reply in replies]
        self.asked: list[Sequence[Message]] = []

    def stream(self, messages: Sequence[Message], **_: object) -> Iterator[Piece]:
        self.asked.append(messages)
        for step in self._replies[len(self.asked) - 1]:
            if isinstance(step, ModelError):
                raise step
            if isinstance(step, str):
                yield _with_ids(step, messages[1].content)
            else:
                step()
        yield Finish("stop", Usage(100, 10, 0.5), self.name)


def _with_ids(text: str, passages: str) -> str:
    title = ""
    for line in passages.splitlines():
        if line.startswith("Passage "):
            title = line.rpartition("from: ")[2]
        elif line.startswith("["):
            identifier = line[1 : line.index("]")]
            text = text.replace(f"§{title}.{identifier.rpartition('.')[2]}", identifier)
    return text


def answerer(services: Services, model: ScriptedModel | None, *, relevant: bool = True) -> Answerer:
    return Answerer(
        services.catalog,
        services.retriever,
        ModelWriter(model, max_tokens=100) if model else ExtractiveWriter(),
        assess=lambda *_: Relevance(float(relevant), 0.5),
        total_seconds=10,
    )


def events(services: Services, model: ScriptedModel, question: Question | None = None) -> list[Event]:
    return [*answerer(services, model).answer(question or Question(QUESTION))]


def answer(services: Services, *replies: Sequence[Step] | str, question: Question | None = None) -> Answer:
    given = events(services, ScriptedModel(*replies), question)
    assert isinstance(given[-1], Finished)
    return given[-1].answer


def texts(answer: Answer) -> list[str]:
    return [claim.text for claim in answer.claims]


# Events


def test_the_passages_come_first_then_each_claim_then_the_whole(services: Services) -> None:
    found, first, second, end = events(
        services, ScriptedModel(f"[[§tank.1]] The octopus tank holds 4,000 litres.\n[[§plan.1]] {PLAN}")
    )
    assert isinstance(found, PassagesFound)
    assert isinstance(first, ClaimMade)
    assert isinstance(second, ClaimMade)
    assert isinstance(end, Finished)
    assert end.answer.claims == (first.claim, second.claim)
    assert end.answer.passages == found.passages


def test_a_claim_is_given_before_the_model_has_come_to_its_end(services: Services) -> None:
    done: list[str] = []
    model = ScriptedModel([f"[[§plan.1]] {PLAN}\n", lambda: done.append("more"), "Bye."])
    stream = answerer(services, model).answer(Question(QUESTION))
    assert isinstance(next(stream), PassagesFound)
    assert isinstance(next(stream), ClaimMade)
    assert done == []


def test_all_events_are_json(services: Services) -> None:
    given = events(
        services, ScriptedModel(f"[[§plan.1]] {PLAN}\n[[CONFLICT §tank.1 | §plan.1]] {PLAN}\n[[NONE]] Why.")
    )
    names = [event_json(event)[0] for event in given]
    assert names[0] == "retrieval"
    assert set(names[1:-1]) == {"claim"}
    assert names[-1] == "done"
    json.dumps([event_json(event) for event in given], allow_nan=False)


def test_the_text_is_the_claims_with_the_numbers_of_their_citations(services: Services) -> None:
    made = answer(
        services, f"[[§plan.1]] {PLAN}\n[[§tank.1,§plan.1]] The octopus tank holds 4,000 or 3,500 litres."
    )
    assert made.text == f"{PLAN} [1] The octopus tank holds 4,000 or 3,500 litres. [2] [1]"


def test_a_collection_that_does_not_exist_is_an_error(services: Services) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        events(services, ScriptedModel(), Question(QUESTION, collection="nowhere"))


# Status and reason


def test_an_answer_with_claims_is_answered(services: Services) -> None:
    made = answer(services, f"[[§plan.1]] {PLAN}")
    assert (made.status, made.reason) == ("answered", None)
    assert made.model == "scripted"


def test_an_answer_with_something_missing_is_partial(services: Services) -> None:
    made = answer(services, f"[[§plan.1]] {PLAN}\n[[NONE]] Who built the tank is not said.")
    assert (made.status, made.reason) == ("partial", "partly_not_in_passages")
    assert made.missing == ("Who built the tank is not said.",)


def test_an_answer_of_what_is_missing_alone_is_abstained(services: Services) -> None:
    made = answer(services, "[[NONE]] Who built the tank is not said.")
    assert (made.status, made.reason) == ("abstained", "not_in_passages")
    assert made.missing == ("Who built the tank is not said.",)


def test_a_bare_none_is_enough_to_abstain(services: Services) -> None:
    made = answer(services, "[[NONE]]")
    assert (made.status, made.reason, made.missing) == ("abstained", "not_in_passages", ())


def test_what_is_missing_counts_also_where_its_words_are_refused(services: Services) -> None:
    made = answer(services, "[[NONE]] They don't say, but Ada Lovelace built it in 1843.")
    assert (made.status, made.reason) == ("abstained", "not_in_passages")
    assert made.missing == ()
    assert made.dropped == {"unsupported": 1}


def test_an_answer_with_two_sides_is_a_conflict(services: Services) -> None:
    made = answer(
        services,
        "[[CONFLICT §tank.1 | §plan.1]] The tank holds 4,000 litres, or 3,500 litres by the old plan.",
    )
    assert (made.status, made.reason) == ("conflict", None)
    assert [(claim.side, claim.text) for claim in made.claims[1:]] == [
        ("a", "The octopus tank holds 4,000 litres."),
        ("b", PLAN),
    ]


def test_a_conflict_with_something_missing_says_both(services: Services) -> None:
    made = answer(
        services,
        "[[CONFLICT §tank.1 | §plan.1]] The tank holds 4,000 or 3,500 litres.\n[[NONE]] Why is not said.",
    )
    assert (made.status, made.reason) == ("conflict", "partly_not_in_passages")


def test_an_empty_reply_is_a_failure_and_no_abstention(services: Services) -> None:
    with pytest.raises(ModelReplyEmpty):
        answer(services, [ModelReplyEmpty("empty", usage=Usage(9, 0, None))])


@pytest.mark.parametrize(
    "reply", ["Just so.", "The tank holds 4,000 litres.", "[1] The tank holds 4,000 litres."]
)
def test_a_reply_without_claim_lines_is_unverifiable(services: Services, reply: str) -> None:
    made = answer(services, reply)
    assert (made.status, made.reason, made.dropped) == ("abstained", "unverifiable", {"uncited_text": 1})


def test_nobody_writes_where_nothing_is_indexed(services: Services) -> None:
    model = ScriptedModel()
    *_, end = events(services, model, Question(QUESTION, collection="bare"))
    assert isinstance(end, Finished)
    assert (end.answer.status, end.answer.reason) == ("abstained", "empty_index")
    assert model.asked == []


def test_nobody_writes_where_no_document_passes_the_filter(services: Services) -> None:
    made = answer(services, question=Question(QUESTION, only={"title": ["no such title"]}))
    assert (made.status, made.reason, made.passages) == ("abstained", "no_relevant_passage", ())


def test_nobody_writes_where_no_passage_is_relevant(services: Services) -> None:
    model = ScriptedModel()
    *_, end = answerer(services, model, relevant=False).answer(Question(QUESTION))
    assert isinstance(end, Finished)
    assert (end.answer.status, end.answer.reason) == ("abstained", "no_relevant_passage")
    assert end.answer.passages
    assert model.asked == []


# A model that fails


@pytest.mark.parametrize("error", [ModelTruncated("cut"), ModelIdleTimeout("slow"), ModelRefused("no")])
def test_a_model_that_fails_later_leaves_its_whole_lines(services: Services, error: ModelError) -> None:
    error.usage = Usage(70, 7, 0.25)
    made = answer(services, [f"[[§plan.1]] {PLAN}\n[[§tank.1]] The octopus tank holds 4,0", error])
    assert (made.status, made.reason, made.failure) == ("partial", "incomplete", error.code)
    assert texts(made) == [PLAN]
    assert made.dropped == {"incomplete_line": 1}
    assert made.usage == Usage(70, 7, 0.25)


def test_a_cut_conflict_does_not_pass_for_a_whole_one(services: Services) -> None:
    made = answer(
        services, ["[[CONFLICT §tank.1 | §plan.1]] It holds 4,000 or 3,500 litres.\n", ModelTruncated("cut")]
    )
    assert (made.status, made.reason) == ("partial", "incomplete")
    assert {claim.side for claim in made.claims} == {None, "a", "b"}


def test_a_cut_answer_that_says_only_what_is_missing_is_incomplete(services: Services) -> None:
    made = answer(services, ["[[NONE]] Who built it is not said.\n", ModelTruncated("cut")])
    assert (made.status, made.reason, made.failure) == ("abstained", "incomplete", "model_truncated")


@pytest.mark.parametrize(
    "written",
    [
        "",
        f"[[§plan.1]] {PLAN}",
        "Here is the answer:\n",
        "[[§plan.1]] The octopus tank holds 9,000 litres.\n",
    ],
)
def test_a_model_that_fails_before_anything_is_let_through_is_an_error(
    services: Services, written: str
) -> None:
    with pytest.raises(ModelIdleTimeout):
        answer(services, [written, ModelIdleTimeout("slow")])


def test_a_client_that_goes_away_ends_the_call(services: Services) -> None:
    class Closing(ScriptedModel):
        closed = False

        def stream(self, messages: Sequence[Message], **_: object) -> Iterator[Piece]:
            try:
                yield from super().stream(messages)
            finally:
                self.closed = True

    model = Closing([f"[[§plan.1]] {PLAN}\n", "More."])
    stream = answerer(services, model).answer(Question(QUESTION))
    next(stream)
    next(stream)
    assert not model.closed
    stream.close()  # type: ignore[attr-defined]
    assert model.closed


# Repair

WRONG = "[[§tank.1]] The octopus tank holds 9,000 litres."
RIGHT = "[[§tank.1]] The octopus tank holds 4,000 litres."


def test_what_fails_is_sent_back_once_with_its_reason(services: Services) -> None:
    model = ScriptedModel(f"[[§plan.1]] {PLAN}\n{WRONG}", RIGHT)
    *_, end = events(services, model)
    assert isinstance(end, Finished)
    assert texts(end.answer) == [PLAN, "The octopus tank holds 4,000 litres."]
    assert "holds 9,000 litres.\n  The cited text does not give" in model.asked[1][-1].content
    assert PLAN not in model.asked[1][-1].content
    assert end.answer.status == "answered"
    assert end.answer.dropped == {"unsupported": 1}
    assert end.answer.usage == Usage(200, 20, 1.0)


def test_what_fails_again_is_dropped(services: Services) -> None:
    model = ScriptedModel(WRONG, WRONG.replace("9,000", "8,000"), "never asked for")
    *_, end = events(services, model)
    assert isinstance(end, Finished)
    assert (end.answer.status, end.answer.reason) == ("abstained", "unverifiable")
    assert end.answer.dropped == {"unsupported": 2}
    assert len(model.asked) == 2


def test_nothing_is_sent_back_where_all_is_well(services: Services) -> None:
    model = ScriptedModel(f"Hello!\n[[§plan.1]] {PLAN}\n[[§plan.1]] {PLAN}\n[[NONE]] Why is not said.")
    *_, end = events(services, model)
    assert isinstance(end, Finished)
    assert len(model.asked) == 1
    assert texts(end.answer) == [PLAN]
    assert end.answer.dropped == {"uncited_text": 1, "repeated": 1}


def test_a_repair_that_fails_leaves_what_was_verified(services: Services) -> None:
    made = answer(services, f"[[§plan.1]] {PLAN}\n{WRONG}", [ModelIdleTimeout("slow")])
    assert texts(made) == [PLAN]
    assert (made.status, made.reason, made.failure) == ("partial", "incomplete", "model_idle_timeout")


def test_a_model_that_was_cut_is_not_asked_again(services: Services) -> None:
    model = ScriptedModel([f"[[§plan.1]] {PLAN}\n{WRONG}\n", ModelTruncated("cut")])
    *_, end = events(services, model)
    assert isinstance(end, Finished)
    assert len(model.asked) == 1
    assert end.answer.dropped == {"unsupported": 1}


# Documents that change while they are being answered from


def test_a_document_replaced_meanwhile_is_not_cited(services: Services) -> None:
    text = "The pump house has 12 pumps. It is loud."
    document_id = ingest(services, pumps=text)["pumps"]

    def replace() -> None:
        ingest(services, pumps="In the old days the pump house had 11 pumps. It is loud.")

    made = answer(
        services,
        ["[[§pumps.1]] The pump house has 12 pumps.\n", replace, "[[§pumps.2]] It is loud.\n"],
        question=Question("How many pumps has the pump house?"),
    )
    assert texts(made) == ["The pump house has 12 pumps."]
    assert made.dropped == {"source_changed": 1}
    assert made.citations[0].quote == "The pump house has 12 pumps."
    assert services.catalog.text(document_id).text.startswith("In the old days")


def test_a_document_deleted_meanwhile_is_not_cited(services: Services) -> None:
    document_id = ingest(services, lamps="The lighthouse has 3 lamps.")["lamps"]
    ingestor = services.ingestor(services.collection("default"))
    model = ScriptedModel([lambda: ingestor.delete(document_id), "[[§lamps.1]] The lighthouse has 3 lamps."])
    *_, end = events(services, model, Question("How many lamps has the lighthouse?"))
    assert isinstance(end, Finished)
    assert (end.answer.status, end.answer.reason) == ("abstained", "unverifiable")
    assert end.answer.dropped == {"source_changed": 1}
    assert len(model.asked) == 1


# What is recorded


def test_times_are_in_order(services: Services) -> None:
    times = answer(services, f"[[§plan.1]] {PLAN}").timings
    assert times.first_claim is not None
    assert 0 <= times.retrieve <= times.first_claim <= times.total


def test_without_a_claim_there_is_no_time_to_the_first(services: Services) -> None:
    assert answer(services, "[[NONE]] It is not said.").timings.first_claim is None


def test_the_fingerprints_of_the_prompts_are_recorded(services: Services) -> None:
    made = answer(services, f"[[§plan.1]] {PLAN}")
    assert made.prompts["answer.system"] == prompt("answer.system").fingerprint


def test_two_answers_have_two_ids(services: Services) -> None:
    assert answer(services, "[[NONE]] No.").id != answer(services, "[[NONE]] No.").id


def test_without_a_model_documents_that_disagree_are_reported_as_a_conflict(services: Services) -> None:
    *_, end = answerer(services, None).answer(Question(QUESTION))
    assert isinstance(end, Finished)
    assert end.answer.status == "conflict"
    sides = {claim.side: claim for claim in end.answer.claims if claim.side}
    assert {sides["a"].text, sides["b"].text} == {"The octopus tank holds 4,000 litres.", PLAN}
    assert all(claim.text == claim.citations[0].quote for claim in end.answer.claims)


def test_what_was_made_of_the_passages_is_recorded(services: Services) -> None:
    *_, end = answerer(services, None).answer(Question(QUESTION))
    assert isinstance(end, Finished)
    assert end.answer.relevance == Relevance(1.0, 0.5)
    *_, end = answerer(services, None).answer(Question(QUESTION, collection="bare"))
    assert isinstance(end, Finished)
    assert end.answer.relevance is None


def test_without_a_model_sentences_are_quoted_through_the_same_gate(services: Services) -> None:
    *_, end = answerer(services, None).answer(Question("When is the gate shut?"))
    assert isinstance(end, Finished)
    assert end.answer.status == "answered"
    assert end.answer.model == "extractive"
    assert end.answer.prompts == {}
    assert {claim.support.method for claim in end.answer.claims} == {"verbatim"}
    assert all(claim.text == claim.citations[0].quote for claim in end.answer.claims)
