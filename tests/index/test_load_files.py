"""Real and hostile files, if present: each ends as text or as the right error, in bounded time."""

import os
import time
from pathlib import Path

import pytest

from index.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    LoadError,
    UnsupportedFormat,
)
from index.load import load

DATA = Path(os.environ.get("QA_EVAL_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
FILES = DATA / "files"
SLOWEST_SECONDS = 20.0  # the slowest takes 2 on an idle machine

# A format and words of the text, or an error.
EXPECTED: dict[str, tuple[str, str] | type[LoadError]] = {
    "Seige_of_Vicksburg_Sample_OCR.pdf": ("pdf", "VICKSBURG"),
    "blank-page.pdf": EmptyDocument,
    "bomb-200mb.docx": DocumentTooLarge,
    "cp1251.txt": ("text", "маршал Василевский"),
    "crazyones.pdf": ("pdf", "The Crazy Ones"),
    "csv-too-few-columns.csv": ("csv", "1 | 2 | 3 | 4"),
    "deep-lists.md": ("markdown", "level 199"),
    "empty.pdf": EmptyDocument,
    "empty.txt": EmptyDocument,
    "encrypted.pdf": EncryptedDocument,
    "encrypted_doc_no_id.pdf": EmptyDocument,  # opens, and holds scans only
    "epub_purvis_poetry.epub": ("epub", "Sarah Louisa Forten Purvis"),
    "fake-text-utf-32.txt": ("text", "This is a test document"),
    "file4_emptyB.pdf": ("text", "Apache License"),
    "formula.csv": ("csv", "HYPERLINK"),
    "handbook-872p.docx": ("docx", "Executive Office"),
    "hidden-instructions.html": ("html", "412 tonnes."),
    "issue-1113-evil-xobjects.pdf": DamagedDocument,
    "issue-791-non-unicode-cmap.pdf": ("pdf", ""),
    "multicolumn.pdf": ("pdf", "Two-Column Document"),
    "nested.md": ("markdown", "abc12345"),
    "one-line-900k.txt": ("text", "word word"),
    "pages-5000.pdf": ("pdf", "this same line"),
    "pages-count-lies.pdf": ("pdf", "this same line"),
    "path-traversal.epub": DamagedDocument,
    "r3-empty-password.pdf": ("pdf", "pdf encryption test"),
    "r6-user-password.pdf": ("pdf", "pdf encryption test"),
    "really-a-docx.txt": ("docx", "Header 0.0 | Header 0.1"),
    "really-a-pdf.docx": ("pdf", "The Crazy Ones"),
    "russian.cp866.txt": ("text", "Однажды, в студеную зимнюю пору"),
    "sty-having-no-styles-part.docx": EmptyDocument,  # has no paragraph with text either
    "test-malformed-header.html.bin": ("html", "December 1996"),
    "testArabicMisleadingCharset.html": ("html", "في قرية من القرى"),
    "testBrokenHTMLContainingRFC822.html": ("html", "A whole bunch of text."),
    "testPDF_bad_page_303226.pdf": ("pdf", "Drug Enforcement Administration"),
    "testPDF_deeplyEmbeddedAttachments.pdf": ("pdf", "a"),
    "testWORD_protected_passtika.docx": EncryptedDocument,
    "testXXE.xml": UnsupportedFormat,
    "test_mskanji.csv": ("csv", "名前: 佐藤太郎 | 年齢: 30 | 住所: 東京"),
    "umlauts-non-utf8.md": ("markdown", "äöüß"),
    "unit_test_formatting.docx": ("docx", "italic"),
    "whitespace-only.md": EmptyDocument,
    "with-attachment.pdf": ("pdf", "Lorem ipsum"),
    "zen_of_python_corrupted.pdf": ("pdf", "Beautiful is better than ugly."),
}


@pytest.mark.skipif(not FILES.is_dir(), reason="the evaluation data is not here; set QA_EVAL_DATA")
@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_ends_as_text_or_as_the_right_error(name: str) -> None:
    data, expected = (FILES / name).read_bytes(), EXPECTED[name]
    started = time.monotonic()
    if isinstance(expected, type):
        with pytest.raises(expected, match=name) as caught:
            load(data, name=name)
        assert type(caught.value) is expected
    else:
        parsed = load(data, name=name)
        assert parsed.format == expected[0]
        assert expected[1] in parsed.text
        assert "PWNED" not in parsed.text
    assert time.monotonic() - started < SLOWEST_SECONDS
