"""Build the graph of an ONNX model, node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.network.boosted import Tree

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9
"""The version of the file format, which onnxruntime reads since 1.16."""


class GraphBuilder:
    """Collects the nodes and constants of a graph."""

    def __init__(self) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self.helper, self.to_tensor, self.types = helper, numpy_helper.from_array, TensorProto
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def constant(self, value: Any) -> str:
        """Add an array, and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(self.to_tensor(np.asarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, to: str = "", domain: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = to or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, [*inputs], [name], domain=domain, **attributes))
        return name

    def inline(self, content: bytes, value: str) -> str:
        """Add the nodes of another model with one input, which is a value of this one; return the name of its output.

        Raises InvalidInput for a model that needs other versions of operators, or has functions of its own.
        """
        from onnx import compose, load_from_string

        model = load_from_string(content)
        opsets = {each.domain: each.version for each in model.opset_import}
        if any(OPSETS.get(domain) != version for domain, version in opsets.items()) or len(model.functions):
            raise InvalidInput(f"a network of ONNX has the operators {opsets}, where those of {OPSETS} are written")
        graph = compose.add_prefix_graph(model.graph, "network_")
        self.add("Identity", value, to=graph.input[0].name)
        self.nodes.extend(graph.node)
        self.constants.extend(graph.initializer)
        return str(graph.output[0].name)

    def trees(self, value: str, trees: Sequence[Tree], outputs: int, *, strict: bool) -> str:
        """Add the sum of trees for each output."""
        sizes = [len(tree.features) for tree in trees]
        positions = np.concatenate([np.arange(size) for size in sizes])
        number = np.repeat(np.arange(len(trees)), sizes)
        output = np.repeat([tree.output for tree in trees], sizes)
        features, values, left, right = (
            np.concatenate([getattr(tree, name) for tree in trees]) for name in ("features", "values", "left", "right")
        )
        leaf = features < 0
        split = "BRANCH_LT" if strict else "BRANCH_LEQ"
        typed: dict[str, Any] = {
            "nodes_values": np.where(leaf, 0, values).astype(values.dtype),
            "target_weights": values[leaf],
        }
        if values.dtype == np.float64:  # which are compared and added in float64
            typed = {f"{name}_as_tensor": self.to_tensor(each, name) for name, each in typed.items()}
            value = self.cast(value, "DOUBLE")
        return self.add(
            "TreeEnsembleRegressor",
            value,
            domain="ai.onnx.ml",
            n_targets=outputs,
            nodes_treeids=number.tolist(),
            nodes_nodeids=positions.tolist(),
            nodes_featureids=np.maximum(features, 0).tolist(),
            nodes_modes=np.where(leaf, "LEAF", split).tolist(),
            nodes_truenodeids=np.where(leaf, 0, left).tolist(),
            nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
            target_treeids=number[leaf].tolist(),
            target_nodeids=positions[leaf].tolist(),
            target_ids=output[leaf].tolist(),
            **typed,
        )

    def cast(self, name: str, kind: str) -> str:
        """Convert to another type, such as FLOAT."""
        node = self.helper.make_node("Cast", [name], [f"cast_{len(self.nodes)}"], to=getattr(self.types, kind))
        self.nodes.append(node)
        return str(node.output[0])

    def input(self, name: str, kind: str, columns: int) -> str:
        """Add an input with some columns."""
        self.inputs.append(self.helper.make_tensor_value_info(name, getattr(self.types, kind), ["rows", columns]))
        return name

    def output(self, value: str, name: str, kind: str, columns: int | None) -> None:
        """Add an output with some columns, or with a number for each row."""
        self.add("Identity", value, to=name)
        shape: list[str | int | None] = ["rows"] if columns is None else ["rows", columns]
        self.outputs.append(self.helper.make_tensor_value_info(name, getattr(self.types, kind), shape))

    def model(self, name: str, description: str) -> Any:
        """The complete model, checked."""
        from onnx import checker

        used = {each for node in self.nodes for each in node.input}
        constants = [each for each in self.constants if each.name in used]
        graph = self.helper.make_graph(self.nodes, name, self.inputs, self.outputs, constants)
        opsets = [self.helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        made = self.helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lossreg", doc_string=description
        )
        checker.check_model(made, full_check=True)
        return made
