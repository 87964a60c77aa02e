"""Write a trained model as ONNX: encoding, scaling, network and links, from the rows of a table to predictions.

A model whose inputs are all numbers has one input `inputs` of float64, (rows, features); one with columns of words has
an input of shape (rows, 1) for each column, by its name: float64, or strings. The outputs are `outputs`, those of the
network; `prediction`, as `predict` has it; and `probability` where the loss defines it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossreg.definition.annotations import FEWER_CLASSES
from lossreg.definition.domains import (
    IDENTITY_LINK,
    LOG_SOFTMAX_LINK,
    SIGMOID_LINK,
    SOFTMAX_LINK,
    SOFTPLUS_LINK,
    UNIT,
)
from lossreg.errors import InvalidInput
from lossreg.experiment.data.columns import MISSING_CATEGORY
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.network.interface import ExportableNetwork
from lossreg.experiment.network.sequential import Sequential
from lossreg.experiment.prediction.onnx_graph import GraphBuilder
from lossreg.experiment.prediction.probabilities import LINKS
from lossreg.experiment.task.tasks import is_row
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from lossreg.experiment.data.encoding import Encoding
    from lossreg.experiment.prediction.trained_model import TrainedModel

OPERATORS = {
    SIGMOID_LINK: "Sigmoid",
    SOFTMAX_LINK: "Softmax",
    LOG_SOFTMAX_LINK: "LogSoftmax",
    SOFTPLUS_LINK: "Softplus",
}
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def as_onnx(model: TrainedModel) -> bytes:
    """The model as the content of an ONNX file; raises InvalidInput for one that ONNX cannot express."""
    with optional_imports():
        builder = GraphBuilder()
    outputs = add_network(builder, model, add_inputs(builder, model))
    builder.output(outputs, "outputs", "FLOAT", model.encoding.outputs)
    add_predictions(builder, model, outputs)
    add_probabilities(builder, model, outputs)
    config = model.config
    content: bytes = builder.model(
        config.model.name, f"{config.model.name} trained with {config.loss.name}"
    ).SerializeToString()
    return content


def add_inputs(builder: GraphBuilder, model: TrainedModel) -> str:
    """Add the inputs, encoded, filled and scaled as float32."""
    encoding = model.encoding
    for name, kind in encoding.kinds.items():
        if kind == "hash":
            raise InvalidInput(f"column {name!r} is encoded by hashes of its words, for which ONNX has no operator")
    if not words_of(encoding):
        rows = builder.input("inputs", "DOUBLE", len(encoding.features))
    else:
        parts = [add_column(builder, encoding, name) for name in encoding.kinds]
        rows = builder.add("Concat", *parts, axis=1)
    if encoding.fill is not None:
        fill = builder.constant(np.array([encoding.fill]))
        rows = builder.add("Where", builder.add("IsNaN", rows), fill, rows)
    if encoding.scaling:
        scaling = Scaling.from_json(encoding.scaling)
        rows = builder.add("Sub", rows, builder.constant(scaling.mean[np.newaxis]))
        rows = builder.add("Div", rows, builder.constant(scaling.deviation[np.newaxis]))
    return builder.cast(rows, "FLOAT")


def words_of(encoding: Encoding) -> dict[str, list[str]]:
    """The words of each column that holds words."""
    return {**encoding.categories, **{name: each["words"] for name, each in encoding.target_means.items()}}


def add_column(builder: GraphBuilder, encoding: Encoding, name: str) -> str:
    """Add a column of numbers; one of words as columns of 0 and 1, or as the mean target of each word.

    Words that were not trained on have 0 in all columns, or the mean of all targets.
    """
    words = words_of(encoding).get(name)
    if words is None:
        return builder.input(name, "DOUBLE", 1)
    codes = {word: position for position, word in enumerate(words)}
    if MISSING_CATEGORY in codes:
        absent = {form for word in encoding.missing for form in (word, word.upper(), word.capitalize())}
        codes |= dict.fromkeys(absent, codes[MISSING_CATEGORY])
    numbers = builder.add(
        "LabelEncoder",
        builder.input(name, "STRING", 1),
        domain="ai.onnx.ml",
        keys_strings=[*codes],
        values_int64s=[*codes.values()],
        default_int64=len(words),
    )
    if name in encoding.target_means:
        means = encoding.target_means[name]
        return builder.add("Gather", builder.constant(np.array([*means["means"], means["overall"]])), numbers)
    positions = builder.constant(np.arange(len(words))[np.newaxis])
    return builder.cast(builder.add("Equal", numbers, positions), "DOUBLE")


def add_network(builder: GraphBuilder, model: TrainedModel, values: str) -> str:
    """Add the network: its layers, its trees, or the file that it writes itself."""
    network = model.network
    if isinstance(network, BoostedNetwork):
        return add_trees(builder, network, values)
    if isinstance(network, ExportableNetwork):
        with optional_imports():
            return builder.inline(network.to_onnx(), values)
    if not isinstance(network, Sequential):
        raise InvalidInput(f"{model.config.model.name} is neither dense layers nor trees, and has no method to_onnx")
    for index, layer in enumerate(network.layers):
        weight, bias = (builder.constant(network.named[f"{index}.{kind}"].copy()) for kind in ("weight", "bias"))
        values = builder.add("Gemm", values, weight, bias, transB=1)
        if layer.activation:
            values = builder.add(ACTIVATIONS[layer.activation], values)
    return values


def add_trees(builder: GraphBuilder, network: BoostedNetwork, values: str) -> str:
    """Add the constant and the trees of a boosted model."""
    start, trees = builder.constant(network.start[np.newaxis]), network.trees.trees()
    sums = builder.trees(values, trees, network.width, strict=network.trees.strict)
    return builder.add("Add", sums, start)


def first_prediction(builder: GraphBuilder, model: TrainedModel, outputs: str) -> tuple[str, int]:
    """The part of the outputs that is the first prediction of the loss, and its width."""
    width = model.encoding.outputs // model.objective.predictions_per_row
    if model.objective.predictions_per_row == 1:
        return outputs, width
    limits = (builder.constant(np.array([limit])) for limit in (0, width, 1))
    return builder.add("Slice", outputs, *limits), width


def add_predictions(builder: GraphBuilder, model: TrainedModel, outputs: str) -> None:
    """Add the output `prediction`."""
    if model.kind == "embedding":
        add_columns(builder, outputs, "FLOAT", model.encoding.outputs)
        return
    first, width = first_prediction(builder, model, outputs)
    if model.kind == "regression":
        add_numbers(builder, model, first, width)
    elif model.kind == "multilabel":
        add_columns(builder, builder.add("Greater", first, builder.constant(np.float32(0))), "BOOL", width)
    else:
        add_class(builder, model, first, width)


def add_numbers(builder: GraphBuilder, model: TrainedModel, first: str, width: int) -> None:
    """Add predicted numbers, in the units of the data."""
    link, requirements = model.objective.inverse_links[0], model.requirements
    if link is not None and link != IDENTITY_LINK:
        if link not in OPERATORS:
            raise InvalidInput(
                f"{model.config.loss.name}: the predictions pass a function that ONNX has no operator for"
            )
        first = builder.add(OPERATORS[link], first)
    if is_row(requirements.predictions[0]) and requirements.target is not None and not is_row(requirements.target):
        first, width = builder.add("ReduceMean", first, builder.constant(np.array([1])), keepdims=1), 1
    if requirements.log_prediction:
        first = builder.add("Exp", first)
    scaling = model.encoding.scaling if model.reconstructs else model.encoding.target_scaling
    kind = "FLOAT"
    if scaling:
        measured, kind = Scaling.from_json(scaling), "DOUBLE"
        factor = np.where(np.isinf(measured.deviation), 0.0, measured.deviation)
        first = builder.add("Mul", builder.cast(first, kind), builder.constant(factor[np.newaxis]))
        first = builder.add("Add", first, builder.constant(measured.mean[np.newaxis]))
    add_columns(builder, first, kind, width)


def add_class(builder: GraphBuilder, model: TrainedModel, scores: str, width: int) -> None:
    """Add the name of the predicted class, or its number if the classes have no names."""
    zero = builder.constant(np.float32(0))
    if model.kind == "multiclass" and model.requirements.fixed_width != FEWER_CLASSES:
        position = builder.add("ArgMax", scores, axis=1, keepdims=0)
    else:  # one score of two classes, or one for each step between ordered classes
        above = builder.cast(builder.add("Greater", scores, zero), "INT64")
        position = builder.add("ReduceSum", above, builder.constant(np.array([1])), keepdims=0)
        width += 1
    names = model.labels if model.classes else np.arange(max(2, width))
    has_words = names.dtype.kind == "U"
    kind = "STRING" if has_words else "INT64"
    values = builder.constant(names.astype(object) if has_words else names)
    builder.output(builder.add("Gather", values, position), "prediction", kind, None)


def add_columns(builder: GraphBuilder, values: str, kind: str, width: int) -> None:
    """Add the output `prediction` from columns, of which a single one is a number for each row."""
    if width == 1:
        values = builder.add("Squeeze", values, builder.constant(np.array([1])))
    builder.output(values, "prediction", kind, None if width == 1 else width)


def add_probabilities(builder: GraphBuilder, model: TrainedModel, outputs: str) -> None:
    """Add the output `probability`, if the loss defines it."""
    link = model.probability_link
    if link is None or model.kind in {"embedding", "regression"}:
        return
    first, width = first_prediction(builder, model, outputs)
    first = builder.add("Sigmoid", first) if link is LINKS[UNIT] else builder.add("Softmax", first, axis=1)
    if model.kind == "binary":
        rest = builder.add("Sub", builder.constant(np.float32(1)), first)
        first, width = builder.add("Concat", rest, first, axis=1), 2
    builder.output(first, "probability", "FLOAT", width)
