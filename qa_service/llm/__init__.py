"""The model side of an answer: messages in, a stream of text out, each failure with a type of its own."""

from qa_service.llm.bounds import reserved_tokens, told
from qa_service.llm.chat import NO_USAGE, ChatModel, Finish, Message, Piece, Usage, whole
from qa_service.llm.deadline import Deadline
from qa_service.llm.litellm_model import LiteLLMModel, provider_of
from qa_service.llm.watch import Timeouts

__all__ = [
    "NO_USAGE",
    "ChatModel",
    "Deadline",
    "Finish",
    "LiteLLMModel",
    "Message",
    "Piece",
    "Timeouts",
    "Usage",
    "provider_of",
    "reserved_tokens",
    "told",
    "whole",
]
