"""The files of a `Matrix`: the follower that keeps the vectors of one collection, appended as chunks come.

`vectors`, `sentences` and `rows` hold what the catalog holds, row by row. `state.json`, replaced in one step when they
have reached the disk, says how much of them counts, and the number of the last applied change: what a crash has cut
off lies behind that, and is cut away. What is removed is overwritten with zeros at once; when that is more than what
is left, the rest moves to new files. Each row has a checksum, which is compared after an unclean stop.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from index.catalog import Collection, StoredChunk
from index.durable import Piece, cut, mapped, remove, sync_folder, write
from index.errors import FollowerError
from index.keys import keys_of, keys_of_ids
from index.language import LANGUAGES
from index.matrix import Matrix, Places
from index.vectors import Int8Vectors, Vector

Table: TypeAlias = NDArray[np.void]
"""Shape (rows,): which chunk each row of `vectors` is of, and how many rows of `sentences` are its; version and sum
are 0 where it was removed."""

_ROW = np.dtype(
    [("version", "<i4"), ("ordinal", "<i4"), ("count", "<i4"), ("language", "<u4"), ("sum", "<u4")]
)
_FORMAT = 1
_STATE = "state.json"
_FILES = ("vectors", "sentences", "rows")
_CODES: dict[str, int] = {name: code for code, name in enumerate(LANGUAGES)}
_FEWEST_DEAD = 1000
_MOVED = 4096  # rows that are moved at once
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _State:
    """What `state.json` says: whose vectors these are, which files hold them, and how many rows of those count."""

    model: str
    dimension: int
    format: int = _FORMAT
    languages: tuple[str, ...] = LANGUAGES
    generation: int = 0
    applied: int = 0
    rows: int = 0

    def found_in(self, folder: Path) -> "_State":
        """The state in a folder; `ValueError` where it is damaged, or of other vectors than these."""
        text = (folder / _STATE).read_text()
        found = json.loads(text)
        state = replace(self, **{name: found[name] for name in ("generation", "applied", "rows")})
        if state.json != text:
            raise ValueError(f"{_STATE} is damaged, or of other vectors")
        return state

    def write(self, folder: Path) -> None:
        """Put this state in the place of the one before; it is on the disk then."""
        new = folder / f"{_STATE}.new"
        new.unlink(missing_ok=True)
        write(new, [(0, self.json.encode())])
        new.replace(folder / _STATE)
        sync_folder(folder)

    @property
    def json(self) -> str:
        """As it is written, with a checksum."""
        values = asdict(self)
        return json.dumps({**values, "sum": zlib.crc32(json.dumps(values).encode())})


class MatrixFollower:
    """The vectors of one collection in files under `path`.

    Where they are not `trusted`, because the last stop was not clean, every row is compared with its checksum. Files
    that are damaged, or of other vectors, start empty, for the catalog to fill them again.
    """

    def __init__(self, path: Path, collection: Collection, *, trusted: bool) -> None:
        self._path = path
        self._empty = _State(collection.embedding_model, collection.dimension)
        self.fault: str | None = None
        """What was wrong with the files, which have started empty for it; None where nothing was."""
        with _named_errors():
            try:
                self._open(trusted=trusted)
            except FileNotFoundError:
                self._start_over()
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError, OSError) as error:
                self._start_over()
                self.fault = f"{error}"

    @property
    def snapshot(self) -> Matrix:
        """The vectors as they are now; what is applied later makes another one."""
        return self._matrix

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        return self._state.applied

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`; one caller at a time."""
        # What is there already is not taken out and in: a search could fall between.
        new = [chunk for chunk in {chunk.id: chunk for chunk in add}.values() if not self.holds(chunk)]
        places = self._matrix.places(keys_of_ids({*remove, *(chunk.id for chunk in new)}))
        gone: Places = np.sort(self._matrix.rows[places[places >= 0]])
        with _named_errors():
            table = self._without(gone)
            more = self._append(new)
            write(self._file("rows"), [(table.nbytes, more.tobytes())])
            self._take(
                np.concatenate((table, more)),
                replace(self._state, applied=through, rows=len(table) + len(more)),
            )
            if len(self._table) - len(self._matrix) > max(len(self._matrix), _FEWEST_DEAD):
                self._move()

    def clear(self) -> None:
        """Forget everything."""
        with _named_errors():
            self._start_over()

    def count(self) -> int:
        """How many chunks it holds."""
        return len(self._matrix)

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        return set(self._matrix.ids(self._matrix.everywhere))

    def holds(self, chunk: StoredChunk) -> bool:
        """Whether this very chunk is there, with these vectors."""
        place = self._matrix.places(keys_of_ids([chunk.id]))
        return bool(
            place[0] >= 0
            and np.array_equal(self._matrix.chunk_vectors(place)[0], chunk.vector)
            and np.array_equal(self._matrix.sentence_vectors(place), chunk.sentence_vectors)
            and LANGUAGES[self._matrix.languages[place[0]]] == chunk.language
        )

    def _open(self, *, trusted: bool) -> None:
        self._state = self._empty.found_in(self._path)
        for path in self._path.iterdir():
            if path.name != _STATE and path not in map(self._file, _FILES):
                path.unlink()
        rows, width = self._state.rows, self._state.dimension
        cut(self._file("rows"), _ROW.itemsize * rows)
        self._table = _read_table(self._file("rows"))
        cut(self._file("vectors"), 4 * width * rows)
        cut(self._file("sentences"), width * int(self._table["count"].sum(dtype=np.int64)))
        self._matrix = self._mapped()
        if not trusted:
            self._check()

    def _start_over(self) -> None:
        remove(self._path)
        self._path.mkdir(parents=True)
        self._state = self._empty
        for name in _FILES:
            write(self._file(name), [])
        self._take(np.zeros(0, _ROW), self._state)

    def _take(self, table: Table, state: _State) -> None:
        """Record what the files hold, which is on the disk, and let it be searched."""
        state.write(self._path)
        self._state, self._table = state, table
        self._matrix = self._mapped()

    def _file(self, name: str) -> Path:
        return self._path / f"{name}-{self._state.generation}"

    def _mapped(self) -> Matrix:
        """The matrix of what the files hold; `ValueError` where they don't fit together."""
        table, width = self._table, self._state.dimension
        live = np.flatnonzero(table["version"])
        held = table[live]
        keys = keys_of(held["version"].astype(np.int64), held["ordinal"].astype(np.int64))
        order = np.argsort(keys, kind="stable")
        if (np.diff(keys[order]) == 0).any():
            raise ValueError(f"{self._file('rows').name} has a chunk twice")
        return Matrix(
            applied=self._state.applied,
            keys=keys[order],
            rows=live[order],
            first=_first(table)[live][order],
            counts=held["count"][order].astype(np.intp),
            languages=held["language"][order],
            vectors=mapped(self._file("vectors"), np.dtype("<f4"), (len(table), width)),
            sentences=mapped(
                self._file("sentences"), np.dtype(np.int8), (int(table["count"].sum(dtype=np.int64)), width)
            ),
        )

    def _check(self) -> None:
        """Compare every row with its checksum, and erase once more what was removed: `ValueError` for damage."""
        vectors, sentences = self._matrix.vectors, self._matrix.sentences
        firsts = _first(self._table).tolist()
        for row, (at, stated) in enumerate(zip(firsts, self._table.tolist(), strict=True)):
            version, ordinal, count, language, checksum = stated
            found = _sum(version, ordinal, language, vectors[row], sentences[at : at + count])
            if checksum != (found if version else 0):
                raise ValueError(f"row {row} of {self._file('vectors').name} is damaged")
        self._erase(np.flatnonzero(self._table["version"] == 0))

    def _without(self, rows: Places) -> Table:
        """The table without the chunks of these rows, which ascend; their vectors are zeros on the disk then."""
        table = self._table.copy()
        if len(rows):
            table["version"][rows] = table["sum"][rows] = 0
            # In this order: where a crash comes between, what is named as removed is erased when it is opened.
            marked = ((_ROW.itemsize * int(run[0]), table[run].tobytes()) for run in _runs(rows))
            write(self._file("rows"), marked)
            self._erase(rows)
        return table

    def _erase(self, rows: Places) -> None:
        """Overwrite the vectors of these rows, which ascend, with zeros."""
        if not len(rows):
            return
        width = self._state.dimension
        first = np.append(_first(self._table), self._table["count"].sum(dtype=np.int64))
        runs = _runs(rows)
        for name, wide, bounds in (
            ("vectors", 4 * width, [(run[0], run[-1] + 1) for run in runs]),
            ("sentences", width, [(first[run[0]], first[run[-1] + 1]) for run in runs]),
        ):
            write(
                self._file(name),
                (piece for start, end in bounds for piece in _zeros(wide * int(start), wide * int(end))),
            )

    def _append(self, new: Sequence[StoredChunk]) -> Table:
        """Write the vectors of chunks behind those that count, and give their rows of the table."""
        table = np.zeros(len(new), _ROW)
        if not new:
            return table
        width = self._state.dimension
        vectors = np.stack([chunk.vector for chunk in new]).astype("<f4")
        sentences = [np.ascontiguousarray(chunk.sentence_vectors) for chunk in new]
        if vectors.shape[1] != width or any(each.shape[1] != width for each in sentences):
            raise ValueError(f"a vector is not of {width} numbers")
        table["version"] = [chunk.version_id for chunk in new]
        table["ordinal"] = [chunk.ordinal for chunk in new]
        table["count"] = [len(each) for each in sentences]
        table["language"] = [_CODES.get(chunk.language, _CODES["unknown"]) for chunk in new]
        table["sum"] = [
            _sum(version, ordinal, language, *chunk)
            for (version, ordinal, _, language, _), *chunk in zip(
                table.tolist(), vectors, sentences, strict=True
            )
        ]
        behind = width * int(self._table["count"].sum(dtype=np.int64))
        write(self._file("vectors"), [(4 * width * len(self._table), vectors.tobytes())])
        write(self._file("sentences"), [(behind, b"".join(each.tobytes() for each in sentences))])
        return table

    def _move(self) -> None:
        """Move what is left to new files, without the zeros between."""
        old, before = self._matrix, [self._file(name) for name in _FILES]
        table = self._table[self._table["version"] != 0]
        state = replace(self._state, generation=self._state.generation + 1, rows=len(table))
        ordered = np.argsort(old.rows)  # the places in the order of the table
        parts = [ordered[at : at + _MOVED] for at in range(0, len(ordered), _MOVED)]
        for name, contents in (
            ("vectors", (old.chunk_vectors(part).tobytes() for part in parts)),
            ("sentences", (old.sentence_vectors(part).tobytes() for part in parts)),
            ("rows", iter([table.tobytes()])),
        ):
            path = self._path / f"{name}-{state.generation}"
            path.unlink(missing_ok=True)
            write(path, _one_after_the_other(contents))
        self._take(table, state)
        for path in before:
            path.unlink()


def _first(table: Table) -> Places:
    """Which row of `sentences` is the first of each chunk's: they stand in the order of the table, without gaps."""
    ends = np.cumsum(table["count"], dtype=np.intp)
    first: Places = ends - table["count"]
    return first


def _read_table(path: Path) -> Table:
    table: Table = np.fromfile(path, _ROW)
    if min(table[name].min(initial=0) for name in ("version", "ordinal", "count")) < 0 or table[
        "language"
    ].max(initial=0) >= len(LANGUAGES):
        raise ValueError(f"{path.name} is damaged")
    return table


def _sum(version: int, ordinal: int, language: int, vector: Vector, sentences: Int8Vectors) -> int:
    """The checksum of a row: CRC-32 of the vectors and of whose they are."""
    whose = zlib.crc32(struct.pack("<iiI", version, ordinal, language))
    return zlib.crc32(sentences.tobytes(), zlib.crc32(vector.tobytes(), whose))


def _runs(rows: Places) -> list[Places]:
    """Ascending numbers in runs without gaps."""
    return [run for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(run)]


def _zeros(start: int, end: int) -> Iterator[Piece]:
    for at in range(start, end, _PIECE):
        yield at, bytes(min(_PIECE, end - at))


def _one_after_the_other(contents: Iterable[bytes]) -> Iterator[Piece]:
    at = 0
    for content in contents:
        yield at, content
        at += len(content)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise FollowerError(
            f"the vectors that searches score with could not be used: {error}; free the disk and try again; where "
            "that does not help, stop the service and call `qa doctor --repair`, which makes it again"
        ) from error
