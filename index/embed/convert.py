"""Writes multilingual-e5-small as an ONNX graph of onnxruntime's fused operators.

The graph takes the `ids` of one unpadded text, int64 `[1, tokens]`, and gives the mean of the last layer's
states, float32 `[1, hidden]`; the caller scales it to unit length. The vocabulary travels in its metadata.

Matrix products are 8-bit integer products: weights become 7-bit integers with a scale for each output, and
the activations are quantised as they come, one scale for a text. 7 bits, because on processors without VNNI
the sum of two products of 8 bits overflows its 16-bit register. The word embeddings, more than half of the
file, stay the 4-bit numbers that they are. Measured against float32 weights on 3,870 questions in three
languages, the right paragraph comes first as often (McNemar's test, p = .56), at nearly twice the speed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from index.embed.unigram import VOCABULARY_KEY
from index.embed.weights import BLOCK, Weights

_FUSED = "com.microsoft"
_LARGEST_WEIGHT = 63
_OPERATORS = [helper.make_opsetid("", 18), helper.make_opsetid(_FUSED, 1)]
_IR_VERSION = 10


def convert(weights: Weights) -> bytes:
    """The weights as a serialised ONNX model; equal weights give equal bytes."""
    graph = _Graph()
    states = _embeddings(graph, weights)
    for layer in range(weights.shape.layers):
        states = _attention(graph, weights, layer, states)
        states = _feed_forward(graph, weights, layer, states)
    tokens_axis = graph.constant("tokens_axis", np.array([1]))
    graph.add("ReduceMean", [states, tokens_axis], "mean", keepdims=0)

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
            [helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, weights.shape.hidden])],
            graph.constants,
        ),
        opset_imports=_OPERATORS,
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, {VOCABULARY_KEY: weights.vocabulary.to_json()})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


class _Graph:
    """The nodes and constants of a graph; an edge is called after the node or constant that it leaves."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, inputs: list[str], name: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes))
        return name


def _embeddings(graph: _Graph, weights: Weights) -> str:
    """The normalised sum of each token's word, position and type embedding."""
    hidden = weights.shape.hidden
    words = graph.add(
        "GatherBlockQuantized",
        [*_word_table(graph, weights), "words.scales"],
        "words",
        domain=_FUSED,
        gather_axis=0,
        quantize_axis=1,
        block_size=BLOCK,
        bits=4,
    )
    # every text is of the first type, so that its embedding can be added to each position's beforehand
    table = weights.floats("emb.pos").reshape(-1, hidden) + weights.floats("emb.type")[:hidden]
    first = graph.constant("first", np.array([0]))
    tokens = graph.add("Shape", ["ids"], "tokens", start=1, end=2)
    positions = graph.add(
        "Slice", [graph.constant("positions.table", table), first, tokens, first], "positions"
    )
    total = graph.add("Add", [words, graph.add("Unsqueeze", [positions, first], "positions.row")], "sum")
    scale = graph.constant("embeddings.scale", weights.floats("emb.ln.w"))
    bias = graph.constant("embeddings.bias", weights.floats("emb.ln.b"))
    return graph.add(
        "LayerNormalization", [total, scale, bias], "embeddings", axis=-1, epsilon=weights.shape.epsilon
    )


def _word_table(graph: _Graph, weights: Weights) -> list[str]:
    """Declares the 4-bit word embeddings and their scales; the first two inputs of a gather."""
    numbers, scales = weights.quantised("emb.word", weights.shape.hidden)
    graph.constant("words.scales", scales)
    # 0..15 biased by 8 becomes a signed 4-bit number by turning its highest bit over
    pairs = (numbers ^ 8).reshape(-1, 2)
    packed = pairs[:, 0] | pairs[:, 1] << 4
    graph.constants.append(
        helper.make_tensor(
            "words.table", TensorProto.INT4, [len(scales), weights.shape.hidden], packed.tobytes(), raw=True
        )
    )
    return ["words.table", "ids"]


def _attention(graph: _Graph, weights: Weights, layer: int, states: str) -> str:
    """Attention over the tokens, added to the states and normalised."""
    name, hidden = f"layer{layer}.attention", weights.shape.hidden
    sides = [
        _product(graph, weights, f"l{layer}.{side}", states, f"{name}.{side}", inputs=hidden, biased=True)
        for side in "qkv"
    ]
    mixed = graph.add("MultiHeadAttention", sides, name, domain=_FUSED, num_heads=weights.shape.heads)
    output = _product(graph, weights, f"l{layer}.ao", mixed, f"{name}.output", inputs=hidden, biased=False)
    return _add_and_normalise(
        graph, weights, f"l{layer}.ao", f"l{layer}.aln", states, output, f"{name}.states"
    )


def _feed_forward(graph: _Graph, weights: Weights, layer: int, states: str) -> str:
    """The two-layer network applied to each token, added to the states and normalised."""
    name, shape = f"layer{layer}.feed_forward", weights.shape
    wide = _product(graph, weights, f"l{layer}.fi", states, f"{name}.in", inputs=shape.hidden, biased=True)
    active = graph.add("Gelu", [wide], f"{name}.active", domain=_FUSED)
    output = _product(
        graph, weights, f"l{layer}.fo", active, f"{name}.out", inputs=shape.feed_forward, biased=False
    )
    return _add_and_normalise(
        graph, weights, f"l{layer}.fo", f"l{layer}.oln", states, output, f"{name}.states"
    )


def _product(
    graph: _Graph, weights: Weights, source: str, states: str, name: str, *, inputs: int, biased: bool
) -> str:
    """`states @ matrix` in 8-bit integers, plus the source's bias where wanted."""
    matrix = weights.matrix(f"{source}.w", inputs).T
    scales = np.abs(matrix).max(axis=0) / _LARGEST_WEIGHT
    operands = [
        states,
        graph.constant(f"{name}.weights", np.rint(matrix / scales).astype(np.int8)),
        graph.constant(f"{name}.scales", scales.astype(np.float32)),
        "",
        graph.constant(f"{name}.bias", weights.floats(f"{source}.b")) if biased else "",
    ]
    return graph.add("DynamicQuantizeMatMul", operands, name, domain=_FUSED)


def _add_and_normalise(
    graph: _Graph, weights: Weights, source: str, normalisation: str, states: str, output: str, name: str
) -> str:
    """The layer normalisation of states + output + the source's bias."""
    operands = [
        states,
        output,
        graph.constant(f"{name}.scale", weights.floats(f"{normalisation}.w")),
        graph.constant(f"{name}.shift", weights.floats(f"{normalisation}.b")),
        graph.constant(f"{name}.bias", weights.floats(f"{source}.b")),
    ]
    return graph.add("SkipLayerNormalization", operands, name, domain=_FUSED, epsilon=weights.shape.epsilon)
