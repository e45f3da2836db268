"""HTML: the text that a reader sees, in blocks, without the page's machinery."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, compose, row
from index.load.decode import decode
from index.load.limits import Limits
from index.load.nesting import is_overgrown
from index.load.numerals import Numerals, numeral
from index.load.spans import Cell, Grid, Repeats, span
from index.load.superscripts import raised, with_fractions
from index.load.xhtml import as_html, is_xhtml

_SKIPPED = frozenset(
    (
        *("script", "style", "template", "noscript", "svg", "head", "iframe", "object", "canvas", "audio"),
        *("video", "datalist", "select", "textarea", "rp", "rt"),
    )
)
_BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
            "dialog",
        ),
        *("dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3"),
        *("h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu"),
        *("nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "td", "tfoot", "th"),
        *("thead", "tr", "ul", "xmp"),
    )
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ITEMS = frozenset(("li", "dt", "dd"))
_LISTS = frozenset(("ol", "ul", "menu", "dir"))
_NUMERALS: Mapping[str, Numerals] = {
    "a": "lower-letter",
    "A": "upper-letter",
    "i": "lower-roman",
    "I": "upper-roman",
}
_PRE = frozenset(("pre", "listing", "xmp"))
_HIDDEN = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:font-size|opacity)\s*:\s*0*(?:\.0*)?0(?:\.0*)?\s*(?:[a-z%]+\s*)?(?:!\s*important\s*)?(?:;|$))",
    re.IGNORECASE,
)
_NAMED = frozenset(
    ("div", "section", "aside", "nav", "ul", "ol", "form", "dialog", "p", "a", "span", "footer")
)
# Names of elements, as the makers of pages, of forums and of consent notices give them.
_FURNITURE = re.compile(
    r"(?:^|\s)(?:"
    r"(?:[\w-]+[-_])?cookies?[-_]?(?:banner|bar|box|notice|notification|consent|popup|overlay|modal|wall)[\w-]*"
    r"|(?:[\w-]+[-_])?(?:gdpr|ccpa|consent)[-_]?(?:banner|bar|popup|overlay|modal|wall|manager)[\w-]*"
    r"|onetrust-[\w-]+|CybotCookiebot[\w-]*|didomi-[\w-]+|qc-cmp2?-[\w-]+|cc-window|usercentrics-[\w-]+"
    r"|breadcrumbs?|breadcrumb-[\w-]+|pagination|pager|page-numbers|skip-?link|skip-to-[\w-]+"
    r"|(?:social|share)[-_](?:share|links|icons|buttons|bar)|sharing-[\w-]+"
    r"|(?:post|topic|thread|message)[-_](?:controls|actions|buttons|toolbar|tools|nav|signature)|quick-?reply"
    r"|user[-_](?:menu|nav|controls)|forum-?nav[\w-]*|jumpbox|whos?-?online"
    r")(?=\s|$)",
    re.IGNORECASE,
)
_LONGEST_NAMES = 500  # code points: the search takes time by their square
_LONGEST_FURNITURE = 1500  # code points: more is what the page is about
_CONTENT = frozenset(("main", "article"))
_MARGINS = frozenset(("header", "footer"))
_CELLS = frozenset(("td", "th"))
_ROW_GROUPS = frozenset(("thead", "tbody", "tfoot"))
_MOST_ROWS, _MOST_COLUMNS = 65534, 1000  # that a cell spans, by the rules of HTML 5
_SPACES = re.compile(r"[ \t\n\f\r]+")  # HTML folds these only; a no-break space stays
_BREAK = re.compile(r" ?\v ?")  # stands for <br>
# Two line breaks part paragraphs, and one does before a label: "Start: 1 June".
_PARAGRAPH_BREAK = re.compile(r"\n{2,}|\n(?=[^\W\d_][^\n:.!?]{0,40}:\s)")
_NUMBER = re.compile(r"\s*[+-]?\d{1,9}")
_CONTACT = ("mailto:", "tel:", "sms:", "fax:")
_CHARSET = re.compile(
    rb"<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE
)
_CHARSET_BYTES = 4096  # browsers look at the first 1,024 bytes only; comments often push it further


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:  # noqa: ARG001  every format takes the same
    """What a browser would show of an HTML page, as far as its markup tells; style sheets are not applied.

    Left out are scripts and the like, what is hidden by an attribute or an inline style, notices of cookies,
    the furniture of forums by its usual names, and, outside of <main> and <article>, each <nav> and those
    <header> and <footer> that are mainly links. Addresses stay, and so do the numbers of lists. A table row is
    a line `cell | cell`; a row of headings shares a block with the row below it, and cells that span rows are in
    each of them. Superscript numbers are written in superior characters. What XHTML closes by itself is closed.
    The title is <title>, else the first <h1>.
    """
    declared = _CHARSET.search(data[:_CHARSET_BYTES])
    html = decode(data, name=name, declared=declared[1].decode("ascii", "ignore") if declared else None)
    if is_xhtml(html):
        html = as_html(html)
    if is_overgrown(html):
        raise DamagedDocument(f"{name!r} nests its elements too deeply: save the page again with a browser")
    try:
        tree = LexborHTMLParser(html.replace("\0", ""))
    except (SelectolaxError, UnicodeEncodeError) as error:
        raise DamagedDocument(f"{name!r} could not be read as HTML ({error}): save it as text") from error
    title = tree.head.css_first("title") if tree.head is not None else None
    reader = _Reader()
    pieces = _pieces(tree, reader)
    if not pieces:
        reader = _Reader(keeps_links=True)
        pieces = _pieces(tree, reader)
    parsed = compose(pieces, format="html", title=title.text() if title is not None else None)
    return replace(parsed, repairs={"chrome": reader.left_out} if reader.left_out else {})


def _pieces(tree: LexborHTMLParser, reader: "_Reader") -> list[Piece]:
    """The blocks of the page; the walk keeps its own stack, as pages may be nested thousands deep."""
    path: list[LexborNode] = []
    node: LexborNode | None = tree.root
    while node is not None:
        if node.is_text_node:
            reader.write(node.text_content or "")
        elif node.is_element_node and not reader.skips(node):
            reader.enter(node)
            path.append(node)
            if node.first_child is not None:
                node = node.first_child
                continue
            reader.leave(path.pop().tag or "")
        while node.next is None and path:
            node = path.pop()
            reader.leave(node.tag or "")
        node = node.next if path else None
    reader.flush()
    return reader.pieces


@dataclass(slots=True)
class _Row:
    """A table row that is being read: its cells, and where the pieces around it go."""

    outside: list[Piece]
    header: bool
    cells: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """A table that is being read, and how many rows it had so far."""

    grid: Grid
    rows: int = 0


@dataclass(slots=True)
class _List:
    """A list that is being read; `number` is that of its next item if it has numbers."""

    number: int | None = None
    kind: Numerals = "decimal"


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements that are entered and left and of the text in between.

    `buffer` is the text of the open block. `keeps_links` is for pages that are nothing but links. `left_out`
    counts the elements that are no content.
    """

    keeps_links: bool = False
    pieces: list[Piece] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    left_out: int = 0
    _roles: list[tuple[Literal["paragraph", "heading", "item"], int]] = field(default_factory=list)
    _repeats: Repeats = field(default_factory=Repeats)
    _tables: list[_Table] = field(default_factory=list)
    _rows: list[_Row] = field(default_factory=list)
    _lists: list[_List] = field(default_factory=list)
    _marker: str = ""  # the number of the open item, until its first text comes
    _in_content: int = 0
    _in_margin: int = 0
    _in_head: int = 0
    _in_pre: int = 0
    _in_sup: int = 0

    def skips(self, node: LexborNode) -> bool:
        """Whether `node` and all in it is nothing that a reader of the page's content sees."""
        tag, attributes = node.tag or "", node.attributes
        if not self.keeps_links and ((not self._in_content and self._is_chrome(node)) or _is_furniture(node)):
            self.left_out += 1
            return True
        return (
            tag in _SKIPPED
            or (tag == "dialog" and "open" not in attributes)
            or "hidden" in attributes
            or (attributes.get("aria-hidden") or "").strip().lower() == "true"
            or _HIDDEN.search(attributes.get("style") or "") is not None
        )

    def _is_chrome(self, node: LexborNode) -> bool:
        return node.tag == "nav" or (node.tag in _MARGINS and self._in_margin == 0 and _is_mainly_links(node))

    def write(self, text: str) -> None:
        """Adds text to the open block."""
        self.buffer.append(raised(text) if self._in_sup else text)

    def enter(self, node: LexborNode) -> None:
        """Begins an element."""
        tag = node.tag or ""
        self._in_sup += tag == "sup"
        if tag == "br":
            self.buffer.append("\n" if self._in_pre else "\v")
        if tag not in _BLOCKS:
            return
        self.flush()
        self._count(tag, 1)
        if tag in _HEADINGS:
            self._roles.append(("heading", _HEADINGS[tag]))
        elif tag in _ITEMS:
            self._roles.append(("item", 0))
            self._marker = self._next_number(node) if tag == "li" else ""
        elif tag in _LISTS:
            self._lists.append(_list(node))
        elif tag == "table":
            self._tables.append(_Table(Grid(self._repeats)))
        elif tag == "tr":
            self._rows.append(_Row(self.pieces, self._begins_table(node)))
        elif tag in _CELLS:
            self._roles.append(("paragraph", 0))
            self.pieces = []
            self._rows[-1].cells.append(_cell(node, self.pieces))

    def leave(self, tag: str) -> None:
        """Ends the element that was begun last."""
        self._in_sup -= tag == "sup"
        if tag not in _BLOCKS:
            return
        self.flush()
        self._count(tag, -1)
        if tag in _HEADINGS or tag in _ITEMS or tag in _CELLS:
            self._roles.pop()
            self._marker = ""
        elif tag in _LISTS:
            self._lists.pop()
        elif tag == "table":
            self._tables.pop()
        elif tag in _ROW_GROUPS and self._tables:
            self._tables[-1].grid.end_group()
        elif tag == "tr":
            ended = self._rows.pop()
            self.pieces = ended.outside
            grid = self._tables[-1].grid if self._tables else Grid(self._repeats)
            self.pieces += row(grid.line(ended.cells, header=ended.header), header=ended.header)

    def flush(self) -> None:
        """Ends the open block."""
        text = with_fractions("".join(self.buffer))
        self.buffer.clear()
        if not text.strip():
            return
        text, self._marker = self._marker + text.lstrip() if self._marker else text, ""
        kind, level = self._roles[-1] if self._roles else ("paragraph", 0)
        if self._in_pre:
            self.pieces.append(Piece(text, kind, level))
            return
        folded = _BREAK.sub("\n", _SPACES.sub(" ", text))
        self.pieces += [Piece(part, kind, level) for part in _PARAGRAPH_BREAK.split(folded) if part.strip()]

    def _count(self, tag: str, step: int) -> None:
        self._in_content += step * (tag in _CONTENT)
        self._in_margin += step * (tag in _MARGINS)
        self._in_head += step * (tag == "thead")
        self._in_pre += step * (tag in _PRE)

    def _next_number(self, item: LexborNode) -> str:
        """What stands before the text of a list item."""
        its = self._lists[-1] if self._lists else _List()
        if its.number is None:
            return ""
        number = _number(item.attributes.get("value"), its.number)
        its.number = number + 1
        return f"{numeral(number, its.kind)}. "

    def _begins_table(self, tr: LexborNode) -> bool:
        """Whether `tr` says what the columns are: by its place, or as no cell in it is said to be a heading."""
        is_first = bool(self._tables) and self._tables[-1].rows == 0
        if self._tables:
            self._tables[-1].rows += 1
        tags = {child.tag for child in tr.iter() if child.tag in _CELLS}
        return self._in_head > 0 or tags == {"th"} or (is_first and tags == {"td"})


def _cell(node: LexborNode, pieces: list[Piece]) -> Cell:
    attributes = node.attributes
    return Cell(
        pieces,
        rows=span(attributes.get("rowspan"), _MOST_ROWS),
        columns=span(attributes.get("colspan"), _MOST_COLUMNS),
    )


def _is_furniture(node: LexborNode) -> bool:
    """Whether `node` is a cookie notice, a trail of links or the like by its name, and short as these are."""
    if node.tag not in _NAMED:
        return False
    attributes = node.attributes
    names = f"{attributes.get('id') or ''} {attributes.get('class') or ''}"
    return _FURNITURE.search(names[:_LONGEST_NAMES]) is not None and _length(node) <= _LONGEST_FURNITURE


def _is_mainly_links(node: LexborNode) -> bool:
    """Whether most of the text of `node`, leaving out its <nav>, is that of links."""
    text = _length(node) - sum(map(_length, node.css("nav")))
    links = _linked(node, "a[href]") - _linked(node, "nav a[href]")
    return links * 2 > text


def _linked(node: LexborNode, selector: str) -> int:
    """The length of links in `node`; to write or to call are none: these are what is looked for there."""
    return sum(_length(link) for link in node.css(selector) if not _is_contact(link))


def _is_contact(link: LexborNode) -> bool:
    return (link.attributes.get("href") or "").strip().lower().startswith(_CONTACT)


def _length(node: LexborNode) -> int:
    return len("".join(node.text().split()))


def _list(node: LexborNode) -> _List:
    """An <ol>, which counts, or another list, which doesn't; nor does one that counts backwards."""
    if node.tag != "ol" or "reversed" in node.attributes:
        return _List()
    kind = _NUMERALS.get((node.attributes.get("type") or "").strip(), "decimal")
    return _List(_number(node.attributes.get("start"), 1), kind)


def _number(value: str | None, default: int) -> int:
    found = _NUMBER.match(value or "")
    return int(found[0]) if found else default
