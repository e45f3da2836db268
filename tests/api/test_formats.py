"""Files of many formats, uploaded and asked about: each citation says where in its file it stands."""

import io
from collections.abc import Callable
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pptx
import pytest
from flask.testing import FlaskClient
from pptx.util import Inches

from qa_service.commands.terminal import answer_lines

Wait = Callable[[str], dict[str, Any]]

CODE = (
    "import os\n\n\n"
    + "x = 1\n\n" * 40
    + "# The winch of the research vessel lifts 400 kilograms.\nWINCH_KG = 400\n"
)


def deck() -> bytes:
    made, file = pptx.Presentation(), io.BytesIO()
    for title, text in (("Welcome", "Hello all."), ("Diving", "The deepest dive reached 63 metres.")):
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        slide.shapes.add_textbox(Inches(1), Inches(3), Inches(5), Inches(1)).text_frame.text = text
    made.save(file)
    return file.getvalue()


def workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Boats"
    book.active.append(["boat", "length"])
    book.active.append(["Tern", 12])
    staff = book.create_sheet("Keepers")
    staff.append(["lighthouse", "keeper"])
    staff.append(["Hook Point", "Ada Quill"])
    book.save(file)
    return file.getvalue()


def table() -> bytes:
    rows = "".join(f"Buoy-{number};{number / 10:.1f};moored\n" for number in range(1, 311))
    return ("station;salinity;state\n" + rows).encode()


@pytest.fixture
def indexed(client: FlaskClient, finished: Wait) -> FlaskClient:
    """A service that holds a deck, a workbook, a table and a program."""
    files = {
        "dives.pptx": deck(),
        "boats.xlsx": workbook(),
        "stations.csv": table(),
        "winch.py": CODE.encode(),
    }
    for name, data in files.items():
        reply = client.post("/v1/documents", data={"file": [(io.BytesIO(data), name)]})
        (document,) = finished(reply.get_json()["job_id"])["documents"]
        assert document["status"] == "indexed"
    return client


def test_citations_and_passages_say_where_they_stand(indexed: FlaskClient) -> None:
    for question, quoted, place in (
        ("How many metres did the deepest dive reach?", "63 metres", {"slide": 2}),
        ("Who is the keeper of the lighthouse Hook Point?", "Ada Quill", {"sheet": 2}),
        (
            "How many kilograms does the winch lift?",
            "400 kilograms",
            {"line": CODE[: CODE.index("# The")].count("\n") + 1},
        ),
        (
            "What is the salinity of station Buoy-300?",
            "station: Buoy-300 | salinity: 30.0 | state: moored",
            {},
        ),
    ):
        answer = indexed.post("/v1/answers", json={"question": question}).get_json()
        citation = next(each for each in answer["citations"] if quoted in each["quote"])
        span = citation["span"]
        path = f"/v1/documents/{citation['document_id']}/text?start={span['start']}&end={span['end']}"
        assert indexed.get(path).get_json()["text"] == citation["quote"]
        assert {key: citation[key] for key in ("page", "slide", "sheet", "line") if key in citation} == place
        for kind, number in place.items():
            assert f", {kind} {number}" in "\n".join(answer_lines([("done", answer)]))
            assert any(0 < each.get(kind, 0) <= number for each in answer["passages"])


def test_what_was_left_out_of_a_text_is_said(client: FlaskClient, finished: Wait) -> None:
    page = b'<body><div class="cookie-banner">Accept all</div><p>The tide turns at six.</p></body>'
    reply = client.post("/v1/documents", data={"file": [(io.BytesIO(page), "tide.html")]})
    (document,) = finished(reply.get_json()["job_id"])["documents"]
    assert client.get(f"/v1/documents/{document['id']}").get_json()["repairs"] == {"chrome": 1}
