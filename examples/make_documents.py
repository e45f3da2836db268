"""Write the PDF and DOCX files of `examples/documents` from their Markdown in `examples/sources`.

The results are committed: run this only after a change to a source. ReportLab is no dependency of the
product, so give it an environment of its own:

    python3.11 -m venv scratch
    scratch/bin/pip install reportlab==5.1.0 python-docx==1.2.0
    scratch/bin/python examples/make_documents.py

The sources use a small part of Markdown: headings, paragraphs, lists, tables with a head row, **bold**,
*italic*, and `\\pagebreak` on a line of its own; a paragraph, an item or a row is one line. PDFs use the
fonts that every viewer has, hence Latin letters only. A second run writes the same bytes: the dates inside
the files are fixed.
"""

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from docx import Document
from docx.document import Document as DocxDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph as DocxParagraph
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

HERE = Path(__file__).parent
ORGANISATION = "Ferrow Marine Station"


@dataclass(frozen=True, slots=True)
class Job:
    """One document to write: its path without suffix, format, language, and the date in its properties."""

    path: str
    format: Literal["pdf", "docx"]
    language: str
    date: date


JOBS = (
    Job("buildings/floor-plan-description", "pdf", "en-GB", date(2025, 1, 1)),
    Job("guests/Hausordnung-Gaestehaus", "docx", "de-DE", date(2025, 1, 1)),
    Job("policies/diving-policy-v4.0", "pdf", "en-GB", date(2025, 4, 8)),
    Job("reports/annual-report-2025", "pdf", "en-GB", date(2026, 2, 27)),
    Job("safety/2024-09-17-incident-report", "docx", "en-GB", date(2024, 9, 26)),
    Job("safety/Betriebsanweisung-05-Formalin", "pdf", "de-DE", date(2025, 2, 10)),
    Job("safety/training-plan-2026", "docx", "en-GB", date(2025, 12, 9)),
    Job("trust/cooperation-agreement-excerpt", "docx", "en-GB", date(2019, 11, 19)),
    Job("trust/protokol-nauchnogo-soveta-2025-11-27", "docx", "ru-RU", date(2025, 11, 27)),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a source: one line of text, or the `rows` of a table. `level` is that of a heading."""

    kind: Literal["heading", "paragraph", "bullet", "number", "table", "page"]
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def parse(source: str) -> list[Block]:
    """The blocks of a source, in order."""
    lines = (line.strip() for line in source.splitlines())
    return [
        block
        for is_table, group in groupby(lines, key=lambda line: line.startswith("|"))
        for block in ([_table(group)] if is_table else _texts(group))
    ]


def _table(lines: Iterator[str]) -> Block:
    rows = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    return Block("table", rows=tuple(row for row in rows if not set("".join(row)) <= set("-:")))


def _texts(lines: Iterator[str]) -> Iterator[Block]:
    for line in filter(None, lines):
        if line == r"\pagebreak":
            yield Block("page")
        elif match := re.fullmatch(r"(#+) (.+)", line):
            yield Block("heading", match[2], level=len(match[1]))
        elif match := re.fullmatch(r"- (.+)", line):
            yield Block("bullet", match[1])
        elif match := re.fullmatch(r"\d+\. (.+)", line):
            yield Block("number", match[1])
        else:
            yield Block("paragraph", line)


BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=14, spaceAfter=6)
ITEM = ParagraphStyle("item", parent=BODY, leftIndent=14, bulletIndent=2, spaceAfter=3)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=9, leading=12, spaceAfter=0)
HEADINGS = tuple(
    ParagraphStyle(
        f"heading{level}",
        parent=BODY,
        fontName="Helvetica-Bold",
        fontSize=size,
        leading=size * 1.3,
        spaceBefore=size * 0.7,
        keepWithNext=True,
    )
    for level, size in enumerate((17, 12.5, 10.5), start=1)
)
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def write_pdf(blocks: list[Block], target: Path, job: Job) -> None:
    """Lay the blocks out on A4 with a numbered footer on each page."""
    title = next(block.text for block in blocks if block.kind == "heading")
    document = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=24 * mm,
        rightMargin=24 * mm,
        topMargin=22 * mm,
        bottomMargin=24 * mm,
        title=title,
        author=ORGANISATION,
        lang=job.language,
        invariant=1,
    )
    footer = partial(_draw_footer, text=f"{ORGANISATION} · {title}")
    document.build(list(_flowables(blocks, document.width)), onFirstPage=footer, onLaterPages=footer)


def _draw_footer(canvas: Canvas, document: SimpleDocTemplate, *, text: str) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawString(24 * mm, 14 * mm, text)
    canvas.drawRightString(A4[0] - 24 * mm, 14 * mm, str(document.page))


def _flowables(blocks: list[Block], width: float) -> Iterator[Flowable]:
    number = 0
    for block in blocks:
        number = number + 1 if block.kind == "number" else 0
        match block.kind:
            case "heading":
                yield Paragraph(_markup(block.text), HEADINGS[block.level - 1])
            case "bullet":
                yield Paragraph(_markup(block.text), ITEM, bulletText="–")
            case "number":
                yield Paragraph(_markup(block.text), ITEM, bulletText=f"{number}.")
            case "table":
                yield _grid(block.rows, width)
                yield Spacer(0, 8)
            case "page":
                yield PageBreak()
            case "paragraph":
                yield Paragraph(_markup(block.text), BODY)


def _grid(rows: tuple[tuple[str, ...], ...], width: float) -> Table:
    longest = [min(60, max(10, *map(len, column))) for column in zip(*rows, strict=True)]
    cells = [[Paragraph(_markup(cell), CELL) for cell in row] for row in rows]
    return Table(cells, colWidths=[width * part / sum(longest) for part in longest], style=GRID, repeatRows=1)


def _markup(text: str) -> str:
    """ReportLab's inline markup for a line of Markdown."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text, quote=False))
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)


def write_docx(blocks: list[Block], target: Path, job: Job) -> None:
    """Write the blocks with Word's own styles for headings, lists and tables."""
    document = Document()
    title = next(block.text for block in blocks if block.kind == "heading")
    _describe(document, title, job)
    for block in blocks:
        match block.kind:
            case "heading":
                document.add_heading(block.text, level=block.level)
            case "bullet":
                _add_runs(document.add_paragraph(style="List Bullet"), block.text)
            case "number":
                _add_runs(document.add_paragraph(style="List Number"), block.text)
            case "table":
                _add_table(document, block.rows)
            case "page":
                document.add_page_break()
            case "paragraph":
                _add_runs(document.add_paragraph(), block.text)
    buffer = io.BytesIO()
    document.save(buffer)
    target.write_bytes(_with_fixed_times(buffer.getvalue()))


def _describe(document: DocxDocument, title: str, job: Job) -> None:
    properties = document.core_properties
    properties.title, properties.language, properties.comments = title, job.language, ""
    properties.author = properties.last_modified_by = ORGANISATION
    properties.created = properties.modified = datetime.combine(job.date, time(9), UTC)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), job.language)
    document.styles["Normal"].element.get_or_add_rPr().append(language)
    document.sections[0].footer.paragraphs[0].text = f"{ORGANISATION} · {title}"


def _add_table(document: DocxDocument, rows: tuple[tuple[str, ...], ...]) -> None:
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            _add_runs(cell.paragraphs[0], text)
    document.add_paragraph()


def _add_runs(paragraph: DocxParagraph, text: str) -> None:
    for part in re.split(r"(\*\*.+?\*\*|\*.+?\*)", text):
        run = paragraph.add_run(part.strip("*"))
        run.bold = part.startswith("**") or None
        run.italic = (part.startswith("*") and not run.bold) or None


def _with_fixed_times(package: bytes) -> bytes:
    """The same ZIP archive, each entry dated 1 January 1980, the earliest date that the format knows."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            new.writestr(entry, old.read(name), compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def main() -> None:
    """Write every document in `JOBS`."""
    writers = {"pdf": write_pdf, "docx": write_docx}
    for job in JOBS:
        # with_suffix() would take the ".0" of a version for a suffix
        source = HERE / "sources" / f"{job.path}.md"
        target = HERE / "documents" / f"{job.path}.{job.format}"
        target.parent.mkdir(parents=True, exist_ok=True)
        writers[job.format](parse(source.read_text(encoding="utf-8")), target, job)


if __name__ == "__main__":
    main()
