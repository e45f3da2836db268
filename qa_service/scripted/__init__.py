"""A provider of the OpenAI wire that plays a script over real loopback HTTP: for tests, without patching.

    with ScriptedProvider(["Hello there.", Reply(fault="rate_limited", retry_after_seconds=0.1)]) as provider:
        model = LiteLLMModel("openai/scripted", timeouts=Timeouts(), api_base=provider.url, api_key="any")
        ...
    # leaving the block raises AssertionError if the script was not played to its end

It serves `/v1/chat/completions` (streamed and not), `/v1/embeddings` and `/v1/models`, and records what it
received. Only chat requests take replies from the script.
"""

from qa_service.scripted.provider import Script, ScriptedProvider
from qa_service.scripted.reply import Fault, Received, Reply, split_randomly, split_words

__all__ = ["Fault", "Received", "Reply", "Script", "ScriptedProvider", "split_randomly", "split_words"]
