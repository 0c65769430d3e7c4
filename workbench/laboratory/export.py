"""From a trained network to one ONNX file: half-precision weights, and where they come from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from workbench.corpora.index import write_atomically
from workbench.laboratory.design import LONGEST
from workbench.laboratory.network import QuestionNet, WordNet

OPSET = 18


class _Writer(nn.Module):
    """The middle of a `WordNet`, from vectors to vectors; its table stands beside it."""

    def __init__(self, net: WordNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.net.hidden(vectors)


def save_reader(net: QuestionNet, path: Path, about: Mapping[str, str]) -> None:
    """Write a model that answers questions.

    The graph has the inputs `words` (batch, positions), at most 10 positions, `tasks` and
    `letters` (batch, questions), and the output `scores` (batch, questions, 11).

    Args:
        net: The network.
        path: Written whole or not at all.
        about: Kept in the file as metadata.
    """
    words = torch.full((2, LONGEST), net.size)
    words[:, 0] = 0
    asked = torch.zeros((2, 3), dtype=torch.int64)
    names = ["words", "tasks", "letters"]
    axes = {
        "words": {0: "batch", 1: "positions"},
        **{name: {0: "batch", 1: "questions"} for name in ("tasks", "letters", "scores")},
    }
    model = _graph(net, (words, asked, asked), names, "scores", axes)
    _save(model, path, about)


def save_writer(net: WordNet, path: Path, about: Mapping[str, str]) -> None:
    """Write a model that continues words.

    The graph has the input `vectors` (batch, positions, width), at most 11 positions, and the
    outputs `hidden` (the same shape) and `embeddings` (V + 1, width): its own table, which a
    caller may replace.

    Args:
        net: The network.
        path: Written whole or not at all.
        about: Kept in the file as metadata.
    """
    vectors = torch.zeros((2, LONGEST + 1, net.tokens.embedding_dim))
    axes = {name: {0: "batch", 1: "positions"} for name in ("vectors", "hidden")}
    model = _graph(_Writer(net), (vectors,), ["vectors"], "hidden", axes)
    table = net.tokens.weight.detach().numpy()
    model.graph.initializer.append(numpy_helper.from_array(table, "table"))
    model.graph.node.append(helper.make_node("Identity", ["table"], ["embeddings"]))
    model.graph.output.append(
        helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, table.shape)
    )
    _save(model, path, about)


def _graph(
    net: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    names: list[str],
    output: str,
    axes: dict[str, dict[int, str]],
) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.onnx.export(
        net.eval(), inputs, buffer, input_names=names, output_names=[output],
        dynamic_axes=axes,
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def _save(model: onnx.ModelProto, path: Path, about: Mapping[str, str]) -> None:
    _halve(model)
    # Names of the machine's files and of Python objects are nobody's business.
    for node in model.graph.node:
        node.doc_string = ""
    model.doc_string = model.graph.doc_string = ""
    helper.set_model_props(model, dict(about))
    onnx.checker.check_model(model)
    write_atomically(path, model.SerializeToString())


def _halve(model: onnx.ModelProto) -> None:
    """Store matrices in half precision; a cast in front makes them single again when run."""
    casts = []
    kept = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < 64:
            kept.append(tensor)
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
        kept.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
