from index.document import Parsed
from index.load import load
from index.split import split

SOURCE = """import os


class Boat:
    \"\"\"Something that floats.\"\"\"

    def sail(self, knots: int) -> None:
        # Too fast is dangerous. So it is capped.
        self.knots = min(knots, 12)


def harbour():
    return os.sep
"""


def parse(source: str, name: str = "boat.py") -> Parsed:
    parsed = load(source.encode(), name=name)
    assert parsed.format == "code"
    return parsed


def test_the_source_stays_as_it_is_and_its_lines_are_counted() -> None:
    parsed = parse(SOURCE)
    assert parsed.text == SOURCE
    assert parsed.title == "boat.py"
    assert parsed.pages == (0, *(at + 1 for at, letter in enumerate(SOURCE) if letter == "\n"))


def test_definitions_are_headings_nested_by_their_indent() -> None:
    assert [(it.level, it.title) for it in parse(SOURCE).headings] == [
        (1, "class Boat"),
        (2, "def sail(self, knots: int) -> None"),
        (1, "def harbour()"),
    ]


def test_definitions_of_other_languages_are_headings() -> None:
    source = (
        "export default async function sail(knots) {\n  go();\n}\n\npub fn dive() {\n}\n\n"
        "CREATE TABLE boats (\n  id int\n);\n\ntype Crew struct {\n}\n"
    )
    assert [it.title for it in parse(source, "a.txt.ts").headings] == [
        "export default async function sail(knots)",
        "pub fn dive()",
        "CREATE TABLE boats",
        "type Crew struct",
    ]


def test_a_long_run_of_lines_is_parted_where_it_is_indented_least() -> None:
    source = "".join(f"if a{n}:\n    b{n} = 1\n    c{n} = 2\n" for n in range(40))
    parsed = parse(source)
    blocks = [block.of(source) for block in parsed.blocks]
    assert len(blocks) > 5
    assert all(block.startswith("if ") and block.count("\n") < 12 for block in blocks)


def test_every_line_is_in_a_block() -> None:
    parsed = parse(SOURCE)
    said = "\n".join(block.of(SOURCE) for block in parsed.blocks)
    assert said.split() == SOURCE.split()


def test_chunks_say_on_which_line_they_start() -> None:
    parsed = parse(SOURCE)
    chunks = split(parsed, count_tokens=lambda text: len(text.split()), max_tokens=8)
    for chunk in chunks:
        assert chunk.page == SOURCE.count("\n", 0, chunk.span.start) + 1


def test_a_line_without_end_is_one_block() -> None:
    source = "x = '" + "a" * 2_000_000 + "'\n"
    assert len(parse(source).blocks) == 1
