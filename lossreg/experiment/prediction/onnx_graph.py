"""Build the graph of an ONNX model, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np

OPSETS = {"": 17, "ai.onnx.ml": 3}
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
