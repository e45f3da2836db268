import re
from pathlib import Path

from click.testing import Result

from tests.invoking import invoke


def keys(data_dir: Path, *arguments: str) -> Result:
    return invoke(data_dir, "keys", *arguments)


def test_a_key_is_printed_once_and_listed_without_its_secret(tmp_path: Path) -> None:
    created = keys(tmp_path / "new", "create", "laptop")
    assert created.exit_code == 0
    text = created.stdout.strip()
    assert re.fullmatch(r"sk_[0-9a-f]{16}_[\w-]{43}", text)
    assert keys(tmp_path / "new", "list").stdout == (f"laptop  {text[:20]}…  ask, search, write, admin\n")


def test_without_keys_the_list_is_empty_and_says_so_beside_it(tmp_path: Path) -> None:
    listed = keys(tmp_path, "list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr == "no keys yet: `qa keys create NAME` makes one\n"
    keys(tmp_path, "create", "laptop")
    assert keys(tmp_path, "list").stderr == ""


def test_whoever_makes_the_first_key_is_told_that_every_request_needs_one_now(tmp_path: Path) -> None:
    first = keys(tmp_path, "create", "graphs", "--scope", "metrics")
    assert re.fullmatch(r"sk_\w{16}_[\w-]{43}\n", first.stdout)
    assert first.stderr == (
        "this is the first key: from now on every request needs a key, and this one is for metrics\n"
    )
    assert keys(tmp_path, "create", "laptop").stderr == ""
    for name in ("graphs", "laptop"):
        keys(tmp_path, "revoke", name)
    assert "this is the first key" in keys(tmp_path, "create", "again").stderr


def test_a_revoked_key_is_listed_no_more(tmp_path: Path) -> None:
    keys(tmp_path, "create", "laptop")
    keys(tmp_path, "create", "phone")
    assert keys(tmp_path, "revoke", "laptop").output == ""
    assert keys(tmp_path, "list").stdout.startswith("phone  ")
    assert "no key is left" in keys(tmp_path, "revoke", "phone").stderr


def test_a_mistake_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    keys(tmp_path, "create", "laptop")
    for arguments, message in [
        (
            ["create", "laptop"],
            "qa: there is a key 'laptop' already: choose another name, or revoke it first\n",
        ),
        (["create", "a\x1b[31m"], "qa: a key needs a name of 1 to 63 characters that can be printed\n"),
        (["revoke", "nosuch"], "qa: there is no key 'nosuch'\n"),
    ]:
        result = keys(tmp_path, *arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)


def test_a_publishable_key_is_listed_with_what_it_is_for(tmp_path: Path) -> None:
    options = ["--collection", "handbook", "--origin", "https://www.example.com/", "--days", "1"]
    created = keys(tmp_path, "create", "site", "--publishable", *options)
    assert re.fullmatch(r"pk_[0-9a-f]{16}_[\w-]{43}\n", created.stdout)
    listed = keys(tmp_path, "list").stdout
    assert re.fullmatch(
        r"site  pk_\w{16}_…  ask in handbook from https://www\.example\.com until [-\d]{10} [:\d]{5} UTC\n",
        listed,
    )


def test_a_key_can_be_restricted_to_scopes_and_collections(tmp_path: Path) -> None:
    keys(
        tmp_path,
        "create",
        "robot",
        "--scope",
        "write",
        "--scope",
        "search",
        "--collection",
        "a",
        "--collection",
        "b",
    )
    assert keys(tmp_path, "list").stdout.endswith("  search, write in a, b\n")


def test_a_publishable_key_without_a_collection_is_refused(tmp_path: Path) -> None:
    result = keys(tmp_path, "create", "site", "--publishable")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "names the collections that it is for" in result.stderr


def test_a_rotated_key_has_a_new_text_under_its_old_name(tmp_path: Path) -> None:
    text = keys(tmp_path, "create", "laptop").stdout.strip()
    rotated = keys(tmp_path, "rotate", "laptop").stdout.strip()
    assert rotated != text
    assert rotated[:20] == text[:20]
    assert keys(tmp_path, "list").stdout.startswith(f"laptop  {text[:20]}…")
    assert keys(tmp_path, "rotate", "nosuch").stderr == "qa: there is no key 'nosuch'\n"
