"""The settings, from environment variables that begin with `QA_`."""

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from qa_service.errors import SettingsError

_PREFIX = "QA_"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _web_address(value: str | None) -> str | None:
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it should be an address such as http://127.0.0.1:8000")
    return value


def _redis_address(value: str | None) -> str | None:
    if value is not None and not value.startswith(("redis://", "rediss://", "redis+unix://")):
        raise ValueError("it should be an address such as redis://127.0.0.1:6379/0")
    return value


def _headers(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        header_fields(value)
    return value


def header_fields(value: SecretStr) -> dict[str, str]:
    """HTTP headers by their names, which are written `Name: value, Name: value`; `ValueError` where they are not."""
    found = {}
    for each in value.get_secret_value().split(","):
        name, colon, text = each.partition(":")
        if not (
            colon
            and _TOKEN.fullmatch(name.strip())
            and text.strip()
            and text.isascii()
            and text.isprintable()
        ):
            raise ValueError("it should be headers such as `Authorization: Bearer xyz`, separated by commas")
        found[name.strip()] = text.strip()
    return found


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    if value:
        # It loads httpx, which most commands need not wait for.
        from qa_service.fetching.hosts import host_rule

        for each in value:
            host_rule(each)
    return value


def _expanded(value: Path) -> Path:
    try:
        return value.expanduser().absolute()
    except RuntimeError as error:  # nobody's home is known here
        raise ValueError(f"{error}: name the folder in full") from None


Folder = Annotated[Path, AfterValidator(_expanded)]
Address = Annotated[str | None, AfterValidator(_web_address)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Hosts = Annotated[Names, AfterValidator(_hosts)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed)]
Rate = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limit = Annotated[int | None, Field(ge=1)]
Dollars = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Each field is the environment variable of its name in capitals behind `QA_`; units are in the names.

    A variable that is empty is as good as unset.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    data_dir: Folder = Path("~/.qa-service")
    """The folder that holds everything: catalog, followers, converted model."""

    model: str | None = None
    """A litellm model name, such as `gpt-4.1-mini`, that writes the answers; its key comes from the variable
    that litellm documents. Unset: answers are extractive, without key or network."""

    model_api_base: Address = None
    """The address of the model's API, where it is not the provider's usual one."""

    model_fallbacks: Names = ()
    """Models to ask, in order, where `QA_MODEL` fails before its first word; separated by commas."""

    model_system_role: bool = True
    """Whether the models take a system message; False puts it into the user's."""

    model_cooldown_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30
    """How long a model that failed is left alone, where its provider does not say, and another can be asked."""

    verify: str | None = None
    """A litellm model name, or `model` for `QA_MODEL` itself, that gives a second opinion on each claim. Unset:
    what the guards found stands."""

    verify_policy: Literal["drop", "flag", "repair"] = "drop"
    """What becomes of a claim that the second opinion finds unsupported."""

    embedding_model: str | None = None
    """A litellm embedding model name. Unset: the local multilingual model."""

    chroma_url: Address = None
    """The address of a Chroma server. Unset: Chroma inside the data directory."""

    chroma_headers: Annotated[SecretStr | None, AfterValidator(_headers)] = None
    """Headers that are sent to the Chroma server, such as `Authorization: Bearer xyz`; separated by commas."""

    database_url: str | None = None
    """An SQLAlchemy URL for the catalog. Unset: SQLite inside the data directory."""

    passages: Annotated[int, Field(ge=1, le=200)] = 20
    """How many passages an answer is written from where the request names no `k`."""

    answer_seconds: Seconds = 60
    """The time that an answer may take in all."""

    connect_seconds: Seconds = 5
    """The time in which the model's server must accept a connection."""

    first_token_seconds: Seconds = 30
    """The time in which the model's first token must come."""

    idle_seconds: Seconds = 15
    """The longest pause between two tokens of the model."""

    max_output_tokens: Annotated[int, Field(ge=16)] = 1000
    """The most tokens that a model may write an answer in."""

    max_request_tokens: Limit = None
    """The most tokens that one request may consume in all its calls. Unset: no limit."""

    max_request_usd: Dollars = None
    """The most US dollars that one request may cost in all its calls. Unset: no limit."""

    max_day_tokens: Limit = None
    """The most tokens that a key may consume in a day. Unset: no limit."""

    max_day_usd: Dollars = None
    """The most US dollars that a key may cost in a day. Unset: no limit."""

    publishable_day_tokens: Annotated[int, Field(ge=0)] = 1_000_000
    """The most tokens that a publishable key may consume in a day, where `QA_MAX_DAY_TOKENS` is not lower; 0 is no
    limit of its own."""

    max_upload_mib: Annotated[int, Field(ge=1)] = 64
    """The largest request body that is taken, in MiB."""

    url_hosts: Hosts = ()
    """The hosts that documents may be fetched from by their address, such as `docs.example.org`,
    `*.example.org` or `example.org:8443`; separated by commas. None: nothing is fetched."""

    parse_seconds: Seconds = 20
    """The time that one file may take to be parsed."""

    parse_megabytes: Annotated[int, Field(ge=64)] = 512
    """The memory that parsing one file may take, in MiB."""

    max_question_characters: Annotated[int, Field(ge=1)] = 4000
    """The longest question or query that is taken."""

    history_tokens: Annotated[int, Field(ge=0)] = 1000
    """How much of what was said before goes with a question, in tokens as they are estimated; 0 is nothing."""

    conversation_days: Annotated[int, Field(ge=1, le=36500)] = 30
    """How long a conversation is kept after its last turn, in days."""

    feedback_days: Annotated[int, Field(ge=0, le=36500)] = 30
    """How long an answer can be rated, in days, for which it is kept; 0 keeps none and takes no feedback."""

    session_seconds: Annotated[int, Field(ge=60, le=86400)] = 900
    """How long a token works that a page was given instead of a publishable key."""

    rate_key: Rate = 0
    """Requests a minute by one secret key; 0 is no limit."""

    rate_publishable: Rate = 600
    """Requests a minute by one publishable key, of all pages and readers together; 0 is no limit."""

    rate_address: Rate = 60
    """Requests a minute with publishable keys from one address; 0 is no limit."""

    rate_failures: Rate = 30
    """Requests a minute from one address that are refused for their key; 0 is no limit."""

    redis_url: Annotated[str | None, AfterValidator(_redis_address)] = None
    """The address of a Redis in which requests are counted for all processes. Unset: each counts for itself."""

    trusted_proxies: Networks = ()
    """Addresses and networks of proxies whose X-Forwarded headers count; separated by commas."""

    threads: Annotated[int, Field(ge=2, le=900)] = 32
    """Requests that `qa serve` works on at once, and as many more that wait; the answers that are streamed at once."""

    heartbeat_seconds: Seconds = 15
    """How often a stream that waits sends a comment; a client that has left is noticed by that."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on the service's own lines are logged; those of libraries are from `warning` on."""

    log_format: Literal["auto", "json", "text"] = "auto"
    """What a line of the log is: JSON, or text for people; `auto` is text on a terminal and JSON elsewhere."""

    log_texts: bool = False
    """Whether questions, answers and the messages of errors, which may quote documents, are logged."""


def load_settings(data_dir: Path | None = None) -> Settings:
    """The settings of this environment; `SettingsError`, naming each variable, where one is wrong.

    A `data_dir` that is given takes the place of the environment's.
    """
    try:
        return Settings(data_dir=data_dir) if data_dir else Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{_PREFIX}{str(each['loc'][0]).upper()}: {_message(each['msg'])}" for each in error.errors()
        )
        raise SettingsError(f"wrong settings: {wrong}") from None


def misspelt(names: Iterable[str] = os.environ) -> dict[str, str]:
    """The variables that begin with `QA_` and look like a misspelt setting, each with what is probably meant.

    Others that begin so are let be: they may belong to somebody else.
    """
    known = [f"{_PREFIX}{field.upper()}" for field in Settings.model_fields]
    unknown = (name for name in names if name.upper().startswith(_PREFIX) and name.upper() not in known)
    found = {name: get_close_matches(name.upper(), known, n=1, cutoff=0.8) for name in unknown}
    return {name: matches[0] for name, matches in found.items() if matches}


def _message(text: str) -> str:
    return text.removeprefix("Value error, ").removeprefix("Input ")
