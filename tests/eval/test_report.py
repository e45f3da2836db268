"""The report: drawings by their numbers, texts as they are, and the page in a real browser."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from selectolax.lexbor import LexborHTMLParser, LexborNode

from eval.compare import compare_all
from eval.example import Evidence, Example, Nugget
from eval.judges.lexical import LexicalProxy
from eval.metrics.registry import METRICS, score
from eval.records import Answer, Record, Span, answer_from
from eval.report import (
    Base,
    Event,
    ExampleRow,
    Figure,
    Judging,
    MetricRow,
    ReportData,
    metric_rows,
    render,
)
from eval.report.changes import changed_metrics
from eval.report.examples import anchors
from eval.report.labels import change, label, milliseconds, share
from eval.report.latency import Stage, binned
from eval.report.pool import Pool, island
from eval.report.quoting import in_context, shown
from eval.report.scatter import Point, placed, scatter
from eval.report.strip import strip
from eval.report.svg import Linear, Logarithmic, element
from eval.report.told import told
from eval.stats import Interval

BY_NAME = {metric.name: metric for metric in METRICS}
REPORTED = [
    BY_NAME[name]
    for name in [
        "validity",
        "leak_rate",
        "citation_recall@quote",
        "nugget_recall_vital",
        "answer_recall",
        "mrr",
        "evidence_recall",
        "retrieve_ms",
        "total_ms",
        "total_ms_p50",
        "cost_usd",
    ]
]
LAMP = "The lamp was lit in 1874. 🔥 It burned rape oil until 1902, when the keeper took gas."
OIL = "It burned rape oil until 1902"

Tree = LexborHTMLParser


# Examples


def wire(claim: str, quote: str, **changed: object) -> dict[str, Any]:
    """An answer of one claim that cites `quote` in the lamp's text, as the service sends it."""
    start = max(0, LAMP.find(quote))
    return {
        "status": "answered",
        "claims": [
            {
                "text": claim,
                "citations": [1],
                "support": {"verdict": "partial", "method": "guards", "score": 0.4},
            }
        ],
        "citations": [
            {
                "number": 1,
                "document_id": "d1",
                "title": "Of lamps",
                "source": "docs/lamp.txt",
                "chunk_id": "c1",
                "span": {"start": start, "end": start + len(quote)},
                "quote": quote,
            }
        ],
        "passages": [
            {
                "rank": 1,
                "score": 0.875,
                "chunk_id": "c1",
                "document_id": "d1",
                "title": "Of lamps",
                "source": "docs/lamp.txt",
                "span": {"start": 0, "end": len(LAMP)},
                "text": LAMP,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost_usd": 0.0},
        "timings_ms": {"retrieve": 12.0, "first_claim": 30.0, "total": 40.0},
        "debug": {"dropped": {"unknown_number": 2}, "prompts": {}},
        **changed,
    }


def row(name: str, answer: dict[str, Any], **changed: Any) -> ExampleRow:
    """A scored example about the lamp."""
    asked: dict[str, Any] = {
        "question": "What did the lamp burn?",
        "kind": "lookup",
        "language": "en",
        "nuggets": (Nugget("rape oil"), Nugget("gas from 1902")),
        "evidence": (Evidence("lamp.txt", OIL),),
    }
    example = Example(name, **{**asked, **changed})
    record = Record(example, answer_from(answer), {"docs/lamp.txt": LAMP})
    events = (Event("retrieval", {"passages": answer["passages"]}, 12.5), Event("done", answer, 40.0))
    return ExampleRow(record, score(record, LexicalProxy(), REPORTED), events)


def report(*rows: ExampleRow, **changed: Any) -> ReportData:
    """A report of these examples."""
    scores = {each.record.example.id: each.scores for each in rows}
    judges = {metric.name: "proxy:lexical" for metric in REPORTED if metric.needs_judge}
    metrics = metric_rows(REPORTED, scores, [each.record.example for each in rows], judges=judges)
    return replace(ReportData("A run", "2026-01-02", {"k": "20"}, metrics, rows), **changed)


@pytest.fixture
def burned() -> ExampleRow:
    return row("burned", wire("It burned rape oil.", OIL))


def first(tree: Tree | LexborNode, selector: str) -> LexborNode:
    found = tree.css_first(selector)
    assert found is not None, selector
    return found


def text(tree: Tree, selector: str) -> str:
    return " ".join(first(tree, selector).text().split())


# Drawings


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_scale_places_every_value_between_its_ends(low: float, high: float, value: float) -> None:
    assert 0 <= Linear(low, high).place(value) <= 1


@given(st.lists(st.floats(0, 1e7), min_size=1))
def test_a_logarithmic_scale_around_values_holds_them_and_keeps_their_order(values: list[float]) -> None:
    positive = [value for value in values if value > 1e-6]
    scale = Logarithmic.around(positive)
    assert all(scale.low * 0.999 <= value <= scale.high * 1.001 for value in positive)
    places = [scale.place(value) for value in sorted(values)]
    assert places == sorted(places)


def test_a_logarithmic_scale_has_its_ticks_at_1_2_and_5() -> None:
    assert Logarithmic.around([3.0, 140.0]).ticks == [2, 5, 10, 20, 50, 100, 200]


def test_an_element_escapes_its_text_and_its_attributes() -> None:
    drawn = element("text", "<b>", class_='"><script>', stroke_width=1.5)
    assert drawn == '<text class="&#34;&gt;&lt;script&gt;" stroke-width="1.5">&lt;b&gt;</text>'


def test_a_strip_has_its_dot_at_the_value_and_its_bar_over_the_interval() -> None:
    drawn = Tree(strip(0.25, Interval(0.1, 0.5), against=0.75, origin=0.3))
    dot, against, bar = (first(drawn, f".{name}") for name in ("dot", "against", "interval"))
    assert (dot.attributes["cx"], against.attributes["cx"]) == ("25.00%", "75.00%")
    assert (bar.attributes["x1"], bar.attributes["x2"]) == ("10.00%", "50.00%")


def test_a_strip_without_a_value_is_an_empty_line() -> None:
    assert "circle" not in strip(None, None)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=250))
def test_no_two_points_of_a_scatter_plot_share_their_middle(heights: list[float]) -> None:
    points = [Point(str(at), f"example-{at}", 1.0, y, "answered") for at, y in enumerate(heights)]
    marks = placed(points)
    assert len(marks) == len(points)
    assert len({(round(each.x, 3), round(each.y, 3)) for each in marks}) == len(points)
    assert all(each.x - each.radius > 0 and each.x + each.radius < 440 for each in marks)


def test_each_point_links_to_its_example_and_says_what_it_is() -> None:
    drawn = Tree(
        scatter([Point("a<b", "example-a", 1, 0.5, "partial")], x="X", y="Y", title="T", description="D")
    )
    point = first(drawn, "a.point.partial")
    assert point.attributes["href"] == "#example-a"
    assert first(point, "title").text() == "a<b: 1.00, 0.50, partial"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_histogram_counts_every_time_once(times: list[float]) -> None:
    assert sum(binned(times, Logarithmic.around(times))) == len(times)


def test_percentiles_of_a_stage_are_by_nearest_rank() -> None:
    stage = Stage("Total", tuple(float(each) for each in range(1, 21)))
    assert (stage.p50, stage.p95) == (10, 19)


# Words


@given(st.floats(1e-7, 1 - 1e-7))
def test_a_share_that_is_neither_0_nor_1_does_not_look_like_it(value: float) -> None:
    assert 0 < float(share(value)) < 1


@pytest.mark.parametrize(
    ("value", "words"), [(1.0, "1"), (0.0, "0"), (0.5, "0.50"), (0.998, "0.998"), (0.9999999999999999, "1")]
)
def test_a_share_has_two_decimals_or_as_many_as_it_needs(value: float, words: str) -> None:
    assert share(value) == words


@pytest.mark.parametrize(("value", "words"), [(0.3, "0.3 ms"), (48.2, "48 ms"), (1234.0, "1.23 s")])
def test_times_are_written_in_a_unit_that_fits(value: float, words: str) -> None:
    assert milliseconds(value) == words


def test_a_change_has_its_sign() -> None:
    mrr = BY_NAME["mrr"]
    assert [change(value, mrr) for value in (0.25, -0.25, 0.0, None)] == ["+0.25", "−0.25", "±0", "–"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_has_a_name_for_people(metric: Any) -> None:
    assert label(metric.name) != metric.name


def test_names_for_people_are_all_different() -> None:
    assert len({label(metric.name) for metric in METRICS}) == len(METRICS)


# Texts


@given(st.text(), st.integers(0, 50), st.integers(0, 50))
def test_a_quote_in_context_is_what_the_span_points_at(body: str, start: int, length: int) -> None:
    found = in_context(body, Span(start, start + length))
    assert found.quote == body[start : start + length]
    assert len(found.before) <= 220
    assert len(found.after) <= 220


def test_a_context_is_cut_between_words_and_says_so() -> None:
    body = "alpha " * 100 + "QUOTE" + " omega" * 100
    found = in_context(body, Span(600, 605))
    assert set(found.before.split()) == {"alpha"}
    assert set(found.after.split()) == {"omega"}
    assert (found.is_cut_before, found.is_cut_after) == (True, True)


def test_characters_that_turn_the_direction_of_writing_are_shown() -> None:
    assert shown("a\u202eb\u2066c\x00\n") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+0000⟩\n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(st.sampled_from("@01a<"), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def unpacked(value: Any, texts: list[str]) -> Any:
    """What the page makes of a packed stream."""
    if isinstance(value, str) and value.startswith("@"):
        return value[1:] if value.startswith("@@") else texts[int(value[1:])]
    if isinstance(value, dict):
        return {key: unpacked(item, texts) for key, item in value.items()}
    return [unpacked(item, texts) for item in value] if isinstance(value, list) else value


@given(st.lists(JSON, max_size=3), st.sampled_from(["@1", "a" * 30]))
def test_a_packed_stream_unpacks_to_what_it_was(values: list[Any], pooled: str) -> None:
    pool = Pool()
    pool.number(pooled)
    events = [Event("claim", [value, pooled]) for value in values]
    pool.take_repeated([events])
    packed = json.loads(island(pool.stream(events)))
    assert [unpacked(each["data"], pool.texts) for each in packed] == [[value, pooled] for value in values]


@given(JSON)
def test_an_island_of_json_has_no_character_that_means_anything_to_html(value: Any) -> None:
    assert not set("<>&") & set(island([value, "</script><!--"]))


def test_a_stream_with_numbers_that_json_does_not_have_is_written() -> None:
    packed = Pool().stream([Event("done", {"score": float("nan"), "cost": float("inf")})])
    assert json.loads(island(packed))[0]["data"] == {"score": "nan", "cost": "inf"}


def test_a_stream_that_is_nested_without_end_is_cut() -> None:
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    assert "…" in island(Pool().stream([Event("done", nested)]))


def test_what_an_answer_tells_is_left_out_where_it_is_of_another_kind() -> None:
    strange = {"claims": [{"support": 3}, 4], "passages": {"score": 1}, "debug": [], "missing": [1, "that"]}
    found = told([Event("done", {**strange, "citations": [{"page": True, "title": None}]})])
    assert list(found.supports) == [None, None]
    assert (found.scores, found.dropped, found.missing, found.pages) == ([], {}, ["that"], [None])


def test_anchors_are_different_and_safe_in_an_address() -> None:
    assert anchors(["a b", "a_b", '"><', "x"]) == ["example-a_b", "example-a_b~2", "example-___", "example-x"]


# The page


def test_an_example_shows_which_nuggets_were_found_and_which_are_missing(burned: ExampleRow) -> None:
    tree = Tree(render(report(burned)))
    assert [" ".join(each.text().split()) for each in tree.css(".checks li")] == [
        "✓ found rape oil",
        "✗ missing gas from 1902",
        f"✓ retrieved {OIL} lamp.txt",
    ]


def test_a_citation_is_shown_in_the_text_around_it(burned: ExampleRow) -> None:
    tree = Tree(render(report(burned)))
    assert text(tree, "blockquote") == LAMP
    assert text(tree, "blockquote mark") == OIL


def test_a_claim_shows_the_verdict_of_the_service(burned: ExampleRow) -> None:
    tree = Tree(render(report(burned)))
    assert text(tree, ".claims li > p.quiet") == "partial by guards, 0.40"


def test_a_citation_that_does_not_quote_its_source_is_called_not_valid() -> None:
    answer = wire("It burned rape oil.", OIL)
    answer["citations"][0]["quote"] = "It burned whale oil until 1902"
    tree = Tree(render(report(row("e", answer))))
    assert "not valid" in text(tree, ".citation.invalid .where")
    assert "It burned whale oil until 1902" in text(tree, ".citation.invalid .note")


def test_a_number_that_no_citation_has_is_pointed_out() -> None:
    answer = wire("It burned rape oil.", OIL)
    answer["claims"][0]["citations"] = [1, 7]
    assert "there is no [7]" in text(Tree(render(report(row("e", answer)))), ".claims")


def test_an_example_without_an_answer_says_why(burned: ExampleRow) -> None:
    failed = ExampleRow(Record(burned.record.example, Answer()), error="no reply within 30 s")
    tree = Tree(render(report(failed)))
    assert first(tree, ".example").attributes["data-status"] == "failed"
    assert "no reply within 30 s" in text(tree, ".note.bad")


def test_dropped_counts_and_times_are_shown(burned: ExampleRow) -> None:
    facts = text(Tree(render(report(burned))), ".example .body")
    assert "dropped: unknown number2" in facts
    assert "retrieve12 ms" in facts


def test_a_promise_that_is_broken_is_pointed_out() -> None:
    answer = wire("It burned rape oil.", "It burned rape oil until 1902")
    answer["citations"][0]["quote"] = "something else"
    tree = Tree(render(report(row("e", answer))))
    assert [text(Tree(each.html or ""), "*") for each in tree.css(".breaks .chip")][:1] == ["must be exact"]


def test_figures_are_shown_with_their_interval_their_count_and_their_judge(burned: ExampleRow) -> None:
    metric = MetricRow(
        BY_NAME["citation_recall@quote"], Figure(0.875, Interval(0.8, 0.9), 7, 3), judge="proxy:lexical"
    )
    tree = Tree(render(ReportData("A run", "", metrics=(metric,), examples=(burned,))))
    assert text(tree, "table.figures tbody tr") == (
        "Citation recall, quoteclaims that their citations together support, by proxy:lexical "
        "0.88 0.80 – 0.90 7 of 10"
    )


def test_a_run_without_examples_is_a_page_too() -> None:
    assert "No example fits" in render(ReportData("Empty", ""))


def test_the_text_of_a_passage_is_written_once(burned: ExampleRow) -> None:
    rows = [replace(burned, record=replace(burned.record, texts={}))] * 5
    page = render(report(*rows))
    assert page.count(LAMP) == 1


def two_runs() -> ReportData:
    """Ten examples of which the answers got worse by their nuggets, and one that got better."""
    good, bad = wire("It burned rape oil, then gas from 1902.", OIL), wire("The lamp was lit in 1874.", OIL)
    before = [row(f"e{at}", good if at else bad) for at in range(11)]
    after = [row(f"e{at}", bad if at else good) for at in range(11)]
    base = {each.record.example.id: each for each in before}
    scores = {each.record.example.id: each.scores for each in after}
    metrics = [BY_NAME[name] for name in ("nugget_recall_vital", "citation_recall@quote", "mrr")]
    compared = compare_all({name: each.scores for name, each in base.items()}, scores, metrics)
    return report(*after, base=Base("the base", "2026-01-01", tuple(compared), {"k": "10"}, base))


def test_what_changed_is_sorted_by_the_size_of_the_change_for_what_can_be_seen() -> None:
    data = two_runs()
    assert data.base is not None
    changes = changed_metrics(data.base, [each.metric for each in data.metrics])
    sizes = [
        abs(each.comparison.delta or 0) / each.comparison.smallest_visible
        for each in changes
        if each.comparison.smallest_visible
    ]
    assert len(sizes) > 1
    assert sizes == sorted(sizes, reverse=True)


def test_a_change_is_shown_with_its_verdict_its_counts_and_what_could_be_seen() -> None:
    data = two_runs()
    assert data.base is not None
    (compared,) = (each for each in data.base.comparisons if each.metric == "nugget_recall_vital")
    line = next(each for each in Tree(render(data)).css(".changes tbody tr") if "Vital" in each.text())
    words = " ".join(line.text().split())
    assert compared.verdict == "regressed"
    assert "regressed" in words
    assert "1 / 0 / 10" in words
    assert words.endswith(share(compared.smallest_visible or 0))


def test_an_example_that_changed_shows_what_was_answered_before() -> None:
    tree = Tree(render(two_runs()))
    example = first(tree, "#example-e3")
    assert example.attributes["data-change"] == "worse"
    assert "It burned rape oil, then gas from 1902." in example.text()


def test_the_page_of_a_run_as_large_as_the_shipped_dataset_is_small(burned: ExampleRow) -> None:
    passages = [
        {"rank": at + 1, "text": f"{at} " + "word " * 150, "source": f"docs/{at}.md", "title": f"Title {at}"}
        for at in range(20)
    ]
    answer = wire("It burned rape oil.", OIL, passages=passages)
    done = (Event("retrieval", {"passages": passages}), Event("done", answer))
    rows = [
        ExampleRow(
            Record(replace(burned.record.example, id=str(at)), answer_from(answer)), burned.scores, done
        )
        for at in range(143)
    ]
    assert len(render(ReportData("Large", "", examples=tuple(rows))).encode()) < 6_000_000


def test_halves_of_surrogate_pairs_do_not_keep_the_page_from_being_written() -> None:
    hostile = row("e", wire("It \ud800 burned.", OIL), question="What \udfff?")
    assert "\N{REPLACEMENT CHARACTER}" in render(report(hostile)).encode().decode()


# In the browser

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<img src=x onerror=window.pwned=3>",
    "\"'><svg onload=window.pwned=4>",
    "</title></style></textarea><iframe srcdoc='<script>parent.pwned=5</script>'>",
    "javascript:window.pwned=6",
    "{{ 7 * 7 }}{% raw %}",
    "<!--<script>",
    "\u202egnp.exe\u2066",
)
PAYLOAD = " ".join(PAYLOADS)


class Opened:
    """A report in the browser, from its file; `requests` and `messages` are all that it asked for and said."""

    def __init__(self, browser: Browser, folder: Path, data: ReportData, fragment: str = "") -> None:
        file = folder / "report.html"
        file.write_text(render(data), encoding="utf-8")
        self.context = browser.new_context(viewport={"width": 1000, "height": 800})
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.url = file.as_uri()
        self.page.goto(self.url + fragment)

    def visible(self) -> list[str]:
        """The ids of the examples that are not filtered out."""
        return self.page.locator(".example:not([hidden]) .name").all_text_contents()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    opened: list[Opened] = []

    def start(data: ReportData, fragment: str = "") -> Opened:
        opened.append(Opened(browser, tmp_path, data, fragment))
        return opened[-1]

    yield start
    for each in opened:
        each.context.close()


def hostile() -> ReportData:
    """Payloads in every place that somebody else fills."""
    answer = wire(PAYLOAD, PAYLOAD, missing=[PAYLOAD], model=PAYLOAD, reason=PAYLOAD, failure=PAYLOAD)
    answer["claims"][0] |= {"side": PAYLOAD, "support": {"verdict": PAYLOAD, "method": PAYLOAD}}
    answer["citations"][0] |= {"title": PAYLOAD, "source": PAYLOAD, "span": {"start": 0, "end": len(PAYLOAD)}}
    answer["passages"][0] |= {
        "title": PAYLOAD,
        "source": PAYLOAD,
        "text": PAYLOAD,
        "headings": [PAYLOAD],
        "span": {"start": 0, "end": len(PAYLOAD)},
    }
    answer["debug"] = {"dropped": {PAYLOAD: 1}, "prompts": {PAYLOAD: PAYLOAD}}
    answer["timings_ms"][PAYLOAD] = 1.0
    example = Example(
        PAYLOAD,
        PAYLOAD,
        PAYLOAD,
        PAYLOAD,
        PAYLOAD,
        nuggets=(Nugget(PAYLOAD),),
        must_not=(PAYLOAD,),
        evidence=(Evidence(PAYLOAD, PAYLOAD),),
    )
    record = Record(example, answer_from(answer), {PAYLOAD: PAYLOAD})
    done = (Event(PAYLOAD, {PAYLOAD: PAYLOAD}), Event("done", answer))
    asked = ExampleRow(record, score(record, LexicalProxy(), REPORTED), done)
    failed = ExampleRow(Record(replace(example, short_answers=((PAYLOAD,),)), Answer()), error=PAYLOAD)
    metrics = tuple(replace(each, judge=PAYLOAD) for each in report(asked).metrics)
    settings = {PAYLOAD: PAYLOAD}
    base = Base(PAYLOAD, PAYLOAD, (), {PAYLOAD: "x"}, {PAYLOAD: failed})
    judging = (Judging(PAYLOAD, PAYLOAD, PAYLOAD),)
    return ReportData(PAYLOAD, PAYLOAD, settings, metrics, (asked, failed), base, judging)


def test_hostile_texts_are_shown_and_do_nothing(open_report: Any) -> None:
    opened = open_report(hostile())
    page = opened.page
    for summary in ("summary", ".passage summary", ".stream summary"):
        page.eval_on_selector_all(summary, "all => all.forEach((each) => (each.parentElement.open = true))")
    page.locator(".passage .text").first.wait_for()
    page.locator(".stream pre").first.wait_for()
    assert page.evaluate("window.pwned") is None
    assert opened.requests == [opened.url]
    assert opened.messages == []
    assert page.locator("img, iframe, object, embed, link, base").count() == 0
    assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 1
    assert "<script>window.pwned=1</script>" in page.locator(".passage .text").first.text_content()
    assert "\u202e" not in page.locator("main").text_content()


def test_no_element_of_the_page_has_a_handler_or_a_style_of_its_own(burned: ExampleRow) -> None:
    for element_ in Tree(render(hostile())).css("*"):
        assert not [name for name in element_.attributes if name.startswith("on") or name == "style"]


def test_the_policy_of_the_page_keeps_a_script_that_is_put_into_it_from_running(
    open_report: Any, burned: ExampleRow
) -> None:
    opened = open_report(report(burned))
    refused = opened.page.evaluate(
        """() => {
            try { document.body.innerHTML += "<img src=x onerror='window.pwned=1'>"; } catch { return true; }
            return false;
        }"""
    )
    assert refused
    assert opened.page.evaluate("window.pwned") is None


def test_a_passage_is_marked_by_code_points(open_report: Any, burned: ExampleRow) -> None:
    page = open_report(report(burned), "#example-burned").page
    page.locator(".passage summary").click()
    assert page.locator(".passage mark.c.e").inner_text() == OIL
    assert page.locator(".passage .text").inner_text() == LAMP


def test_the_stream_is_shown_as_it_came(open_report: Any, burned: ExampleRow) -> None:
    page = open_report(report(burned), "#example-burned").page
    page.locator(".stream summary").click()
    page.locator(".stream pre").nth(1).wait_for()
    shown_events = [json.loads(each.inner_text()) for each in page.locator(".stream pre").all()]
    assert shown_events == [event.data for event in burned.events]
    assert page.locator(".stream .where").first.inner_text() == "retrieval, 12.5 ms"


def test_an_address_opens_its_example(open_report: Any, burned: ExampleRow) -> None:
    page = open_report(report(row("first", wire("x", OIL)), burned), "#example-burned").page
    assert page.locator(".example[open]").get_attribute("id") == "example-burned"


def test_an_example_that_is_opened_is_in_the_address(open_report: Any, burned: ExampleRow) -> None:
    page = open_report(report(burned)).page
    page.locator(".example > summary").click()
    assert page.evaluate("location.hash") == "#example-burned"


@pytest.fixture
def three() -> ReportData:
    """Examples that differ in kind, language, status and the nuggets found."""
    good, bad = wire("It burned rape oil, then gas from 1902.", OIL), wire("Lit in 1874.", OIL)
    declined = wire("", OIL, status="abstained", claims=[], citations=[])
    return report(
        row("oil", good),
        row("lit", bad, kind="numeric", question="Wann?", language="de"),
        row("none", declined, kind="unanswerable", answerable=False, evidence=(), question="Who?"),
    )


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [
        ("kind", "numeric", ["lit"]),
        ("language", "de", ["lit"]),
        ("status", "abstained", ["none"]),
        ("metric", "nugget_recall_vital", ["lit"]),
    ],
)
def test_examples_are_picked_by_a_field(
    open_report: Any, three: ReportData, field: str, value: str, left: list[str]
) -> None:
    opened = open_report(three)
    opened.page.locator(f"select[name={field}]").select_option(value)
    opened.page.locator("#count", has_text="1 of 3").wait_for()
    assert opened.visible() == left


def test_examples_are_picked_by_text_and_all_are_back_when_it_is_cleared(
    open_report: Any, three: ReportData
) -> None:
    opened = open_report(three)
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("WANN? 1874")
    opened.page.locator("#count", has_text="1 of 3").wait_for()
    assert opened.visible() == ["lit"]
    opened.page.get_by_role("button", name="Clear").click()
    opened.page.locator("#count", has_text="3 of 3").wait_for()


def test_examples_for_which_a_metric_does_not_count_can_be_picked(
    open_report: Any, three: ReportData
) -> None:
    opened = open_report(three)
    opened.page.locator("select[name=metric]").select_option("evidence_recall")
    opened.page.locator("select[name=relation]").select_option("none")
    opened.page.locator("#count", has_text="1 of 3").wait_for()
    assert opened.visible() == ["none"]


def test_the_keyboard_walks_the_examples_and_opens_them(open_report: Any, three: ReportData) -> None:
    page = open_report(three).page
    for key in ("j", "j", "j", "k", "Enter"):
        page.keyboard.press(key)
    assert page.locator(".example[open]").get_attribute("id") == "example-lit"
    page.keyboard.press("c")
    assert page.locator(".example[open]").count() == 0


@pytest.mark.parametrize("width", [320, 420, 1400])
def test_the_page_fits_a_window_of_any_width(open_report: Any, width: int) -> None:
    page = open_report(two_runs(), "#example-e3").page
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
