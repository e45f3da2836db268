"""The text that models are sent: template files, rendered strictly, each with a fingerprint.

answer = prompt("answer.system")
answer.render(key="hzt")     # raises PromptError where a value is missing or superfluous
answer.fingerprint           # "3f9a61c2": changes when a byte of the file changes
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template, TemplateSyntaxError, UndefinedError, meta

__all__ = ["Prompt", "PromptError", "prompt"]

_FOLDER = Path(__file__).parent
_SUFFIX = ".jinja"


class PromptError(ValueError):
    """A prompt does not exist, can't be parsed, or was rendered with the wrong values."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One template file."""

    name: str
    fingerprint: str
    values: frozenset[str]
    template: Template

    def render(self, **values: object) -> str:
        """The prompt with its values filled in; `PromptError` unless just the expected ones are given."""
        if wrong := self.values.symmetric_difference(values):
            raise PromptError(
                f"prompt {self.name!r} takes {sorted(self.values)}; missing or superfluous: {sorted(wrong)}"
            )
        try:
            return self.template.render(values)
        except UndefinedError as error:
            raise PromptError(f"prompt {self.name!r}: {error}") from error


@cache
def prompt(name: str) -> Prompt:
    """The prompt of that name, such as `answer.system`."""
    path = _FOLDER / f"{name}{_SUFFIX}"
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.glob(f"*{_SUFFIX}"))
        raise PromptError(f"there is no prompt {name!r}; there are {known}") from None
    # Prompts are plain text: escaping is for HTML.
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)  # noqa: S701
    try:
        values = meta.find_undeclared_variables(environment.parse(source))
        template = environment.from_string(source)
    except TemplateSyntaxError as error:
        raise PromptError(f"prompt {name!r}, line {error.lineno}: {error.message}") from error
    return Prompt(name, hashlib.sha256(source.encode()).hexdigest()[:8], frozenset(values), template)
