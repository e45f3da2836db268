"""A second opinion on the claims of an answer: a model says whether the cited text carries each of them.

It sees what the gate let through, and nothing else: it can't make a claim, and what it can't read or decide
leaves the verdicts of the guards as they are.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from prompts import prompt
from qa_service.answering.claims import Support
from qa_service.answering.gate import Claim
from qa_service.errors import ModelError, ModelReplyMalformed, ModelTruncated
from qa_service.llm import NO_USAGE, ChatModel, Deadline, Finish, Message, Usage
from qa_service.plain import defuse

Policy = Literal["drop", "flag", "repair"]
"""What becomes of a claim that is not supported: it is left out, told as such, or written again once."""

PROMPTS = ("verify.system", "verify.user")

_LINE = re.compile(r"(?P<number>\d{1,4}) (?P<verdict>supported|partial|unsupported)(?:: (?P<reason>\S.*))?")
_MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model says of one claim; the reason is its own words, and for nobody but a model to read."""

    support: Support
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opinions:
    """The opinions on claims, in their order: all of them or none, then with the code of what went wrong."""

    of: tuple[Opinion | None, ...]
    usage: Usage = NO_USAGE
    prompts: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None


class Verifier(Protocol):
    """Gives second opinions."""

    @property
    def policy(self) -> Policy:
        """What becomes of claims that are not supported."""
        ...

    def verify(self, claims: Sequence[Claim], *, deadline: Deadline) -> Opinions:
        """An opinion on each claim, None for those that need none or have none. Raises nothing but `Cancelled`."""
        ...


class ModelVerifier:
    """Asks a language model, in one call for all claims that are not the cited text word for word."""

    def __init__(self, model: ChatModel, *, policy: Policy, max_tokens: int) -> None:
        self.policy = policy
        self._model = model
        self._max_tokens = max_tokens

    def verify(self, claims: Sequence[Claim], *, deadline: Deadline) -> Opinions:
        """An opinion on each claim that is not verbatim."""
        asked = [at for at, claim in enumerate(claims) if claim.support.method != "verbatim"]
        none: list[Opinion | None] = [None] * len(claims)
        if not asked:
            return Opinions(tuple(none))
        pairs = [{"premise": _premise(claims[at]), "text": defuse(claims[at].text)} for at in asked]
        key = _key(pairs)
        messages = (
            Message("system", prompt("verify.system").render()),
            Message("user", prompt("verify.user").render(key=key, claims=pairs)),
        )
        fingerprints = {name: prompt(name).fingerprint for name in PROMPTS}
        text, usage = "", NO_USAGE
        try:
            for piece in self._model.stream(messages, max_tokens=self._max_tokens, deadline=deadline):
                if isinstance(piece, Finish):
                    usage = piece.usage
                    break
                text += piece
            else:
                raise ModelTruncated(f"{self._model.name} broke off before its end")
            read = opinions(text, key=key, count=len(asked))
        except ModelError as error:
            return Opinions(tuple(none), error.usage or usage, fingerprints, error.code)
        for at, opinion in zip(asked, read, strict=True):
            none[at] = opinion
        return Opinions(tuple(none), usage, fingerprints)


def opinions(reply: str, *, key: str, count: int) -> tuple[Opinion, ...]:
    """The opinions in a reply of `count` lines, `key1 supported` and so on, in their order.

    Raises `ModelReplyMalformed` for any other: a line too many, or one that is not understood, may be the work of
    a text that was to be checked.
    """
    lines = [line.strip() for line in reply.strip().splitlines() if line.strip()]
    found = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.removeprefix(key)) if line.startswith(key) else None
        if match is None or int(match["number"]) != number:
            break
        verdict: Literal["supported", "partial", "unsupported"] = match["verdict"]  # type: ignore[assignment]
        reason = defuse(match["reason"] or "")[:_MAX_REASON_CHARACTERS]
        found.append(Opinion(Support(verdict, "model"), reason))
    if len(found) != count or len(lines) != count:
        raise ModelReplyMalformed(
            f"the second opinion is not {count} lines of verdicts: use another QA_VERIFY"
        )
    return tuple(found)


def _premise(claim: Claim) -> str:
    """What the claim cites, each document once under its title; lines stay, for tables are read by them."""
    titles = dict.fromkeys(citation.title for citation in claim.citations)
    return "\n".join(
        line
        for title in titles
        for line in (
            f"From: {defuse(title)}",
            *(
                defuse(part)
                for citation in claim.citations
                if citation.title == title
                for part in citation.quote.splitlines()
            ),
        )
    )


def _key(pairs: Sequence[Mapping[str, str]]) -> str:
    texts = "\n".join(text for pair in pairs for text in pair.values()).lower()
    while (key := f"{secrets.token_hex(4)}x") in texts:  # the letter keeps it apart from the number behind it
        continue
    return key
