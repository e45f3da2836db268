"""The settings, from environment variables that begin with `QA_`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from qa_service.errors import SettingsError


class Settings(BaseSettings):
    """Each field is the environment variable of its name in capitals behind `QA_`; the units are in the names."""

    model_config = SettingsConfigDict(env_prefix="QA_", frozen=True, extra="ignore")

    data_dir: Path = Field(
        Path("~/.qa-service"),
        description="The folder that holds everything: catalog, followers, converted model.",
    )
    model: str | None = Field(
        None,
        description="A litellm model name, such as `gpt-4.1-mini`, that writes the answers; its key comes "
        "from the provider's own variable. Unset: answers are extractive, without key or network.",
    )
    model_api_base: str | None = Field(
        None, description="The address of the model's API, where it is your own."
    )
    model_fallbacks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Models to ask, in order, where `QA_MODEL` fails before its first word; comma-separated.",
    )
    embedding_model: str | None = Field(
        None, description="A litellm embedding model name. Unset: the local multilingual model."
    )
    chroma_url: str | None = Field(
        None, description="The address of a Chroma server. Unset: Chroma inside the data directory."
    )
    database_url: str | None = Field(
        None, description="An SQLAlchemy URL for the catalog. Unset: SQLite inside the data directory."
    )
    passages: int = Field(20, ge=1, le=200, description="Passages that an answer is written from.")
    answer_seconds: float = Field(60, gt=0, description="The time that an answer may take in all.")
    connect_seconds: float = Field(5, gt=0, description="The time in which the model's server must accept.")
    first_token_seconds: float = Field(
        30, gt=0, description="The time in which the model's first token must come."
    )
    idle_seconds: float = Field(15, gt=0, description="The longest pause between two tokens of the model.")
    max_output_tokens: int = Field(
        1000, ge=16, description="The most tokens that a model may write an answer in."
    )
    max_upload_mib: int = Field(64, ge=1, description="The largest request body that is taken, in MiB.")
    max_question_characters: int = Field(
        4000, ge=1, description="The longest question or query that is taken."
    )
    threads: int = Field(32, ge=2, description="Requests that `qa serve` works on at once.")

    @field_validator("data_dir")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("model_fallbacks", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (
            [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value
        )

    @field_validator(
        "model", "model_api_base", "embedding_model", "chroma_url", "database_url", mode="before"
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None


def load_settings() -> Settings:
    """The settings of this environment; `SettingsError`, naming the variable, where one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"QA_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        raise SettingsError(f"wrong settings: {wrong}") from None
