"""Write a trained model as ONNX: encoding, scaling, network and links, from the rows of a table to predictions.

A model whose inputs are all numbers has one input `inputs` of float64, (rows, features); one with columns of words has
an input of shape (rows, 1) for each column, by its name: float64, or strings. The outputs are `outputs`, those of the
network; `prediction`, as `predict` has it; and `probability` where the loss defines it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from lossreg.experiment.network.sequential import Sequential
from lossreg.experiment.prediction.onnx_graph import GraphBuilder
from lossreg.experiment.prediction.probabilities import LINKS
from lossreg.experiment.task.tasks import is_row
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.experiment.prediction.trained_model import TrainedModel

OPERATORS = {
    SIGMOID_LINK: "Sigmoid",
    SOFTMAX_LINK: "Softmax",
    LOG_SOFTMAX_LINK: "LogSoftmax",
    SOFTPLUS_LINK: "Softplus",
}
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
CHECKED_ROWS = 64
TOLERANCE = 2e-5
"""By how much results may differ from the model's, relative to the largest of them: the rounding of float32."""


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
    refused = [name for name, kind in encoding.kinds.items() if kind in ("hash", "target_mean")]
    if refused:
        raise InvalidInput(
            f"column {refused[0]!r} is encoded by {encoding.kinds[refused[0]]}, which is not written as ONNX"
        )
    if not encoding.categories:
        rows = builder.input("inputs", "DOUBLE", len(encoding.features))
    else:
        parts = []
        for name in encoding.kinds:
            words = encoding.categories.get(name)
            parts.append(
                builder.input(name, "DOUBLE", 1) if words is None else add_categories(builder, model, name, words)
            )
        rows = builder.add("Concat", *parts, axis=1)
    if encoding.fill is not None:
        fill = builder.constant(np.array([encoding.fill]))
        rows = builder.add("Where", builder.add("IsNaN", rows), fill, rows)
    if encoding.scaling:
        scaling = Scaling.from_json(encoding.scaling)
        rows = builder.add("Sub", rows, builder.constant(scaling.mean[np.newaxis]))
        rows = builder.add("Div", rows, builder.constant(scaling.deviation[np.newaxis]))
    return builder.cast(rows, "FLOAT")


def add_categories(builder: GraphBuilder, model: TrainedModel, name: str, words: list[str]) -> str:
    """Add a column of words as columns of 0 and 1; words that were not trained on have 0 in all of them."""
    codes = {word: position for position, word in enumerate(words)}
    if MISSING_CATEGORY in codes:
        absent = {form for word in model.encoding.missing for form in (word, word.upper(), word.capitalize())}
        codes |= dict.fromkeys(absent, codes[MISSING_CATEGORY])
    column = builder.input(name, "STRING", 1)
    numbers = builder.add(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_strings=[*codes],
        values_int64s=[*codes.values()],
        default_int64=-1,
    )
    positions = builder.constant(np.arange(len(words))[np.newaxis])
    return builder.cast(builder.add("Equal", numbers, positions), "DOUBLE")


def add_network(builder: GraphBuilder, model: TrainedModel, values: str) -> str:
    """Add the layers of the network."""
    network = model.network
    if not isinstance(network, Sequential):
        raise InvalidInput(
            f"{model.config.model.name} is no sequence of dense layers, which alone are written as ONNX; "
            "a module of PyTorch is exported by torch.onnx, and boosted trees by the converters of onnxmltools"
        )
    for index, layer in enumerate(network.layers):
        weight, bias = (builder.constant(network.named[f"{index}.{kind}"].copy()) for kind in ("weight", "bias"))
        values = builder.add("Gemm", values, weight, bias, transB=1)
        if layer.activation:
            values = builder.add(ACTIVATIONS[layer.activation], values)
    return values


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
        first, width = builder.add("ReduceMean", first, axes=[1], keepdims=1), 1
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


def check(content: bytes, model: TrainedModel) -> float:
    """Compare an ONNX model with the original on random rows, and return the largest relative difference.

    Raises InvalidInput if it is more than rounding in float32.
    """
    with optional_imports():
        from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    data = random_rows(model)
    fed = (
        {"inputs": data} if not isinstance(data, dict) else {name: cells[:, np.newaxis] for name, cells in data.items()}
    )
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, fed), strict=True))
    outputs = model.outputs(data)
    expected = {
        "outputs": outputs,
        "prediction": model.predictions(outputs),
        "probability": model.probabilities(outputs),
    }
    worst = 0.0
    for name, values in found.items():
        original = np.asarray(expected[name])
        if original.dtype.kind == "f":
            largest = float(np.abs(original).max()) or 1.0
            worst = max(worst, float(np.abs(values - original).max()) / largest)
    if not worst <= TOLERANCE:
        raise InvalidInput(f"the ONNX model differs from the original by {worst:.1e} of the largest result")
    return worst


def random_rows(model: TrainedModel) -> Any:
    """Rows like those that the model was trained on: an array, or columns by name if some hold words."""
    draw, encoding = np.random.default_rng(0), model.encoding
    rows = draw.normal(size=(CHECKED_ROWS, len(encoding.features)))
    if encoding.scaling:
        scaling = Scaling.from_json(encoding.scaling)
        rows = rows * np.where(np.isinf(scaling.deviation), 0.0, scaling.deviation) + scaling.mean
    if not encoding.categories:
        return rows
    columns: dict[str, Any] = {}
    positions: Mapping[str, int] = {name: at for at, name in enumerate(encoding.features)}
    for name in encoding.kinds:
        words = encoding.categories.get(name)
        if words is None:
            columns[name] = rows[:, positions[name]]
        else:
            columns[name] = draw.choice(np.array([*words, "a word not trained on"], object), CHECKED_ROWS)
    return columns
