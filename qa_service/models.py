"""The language models that the settings name."""

from collections.abc import Sequence

from qa_service.llm import LiteLLMModel, Timeouts, provider_of
from qa_service.settings import Settings


def open_model(settings: Settings) -> LiteLLMModel | None:
    """The model that the settings name, None where they name none."""
    if settings.model is None:
        return None
    return _open(settings, settings.model, fallbacks=settings.model_fallbacks)


def open_verifying_model(settings: Settings) -> LiteLLMModel | None:
    """The model that gives second opinions, None where the settings name none, or the one that writes."""
    if settings.verify in (None, "model", settings.model):
        return None
    return _open(settings, settings.verify)


def _open(settings: Settings, name: str, *, fallbacks: Sequence[str] = ()) -> LiteLLMModel:
    same = provider_of(name) == provider_of(settings.model or name)
    return LiteLLMModel(
        name,
        timeouts=timeouts(settings),
        api_base=settings.model_api_base if same else None,
        fallbacks=fallbacks,
        cooldown_seconds=settings.model_cooldown_seconds,
        system_role=settings.model_system_role,
    )


def timeouts(settings: Settings) -> Timeouts:
    """How long a model may keep us waiting, as the settings say."""
    return Timeouts(
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        idle_seconds=settings.idle_seconds,
    )
