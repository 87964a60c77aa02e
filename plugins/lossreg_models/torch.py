"""A module of PyTorch, made by a function of yours and trained like any other model.

`module` names the function, as "package.module:function" or "nets:make" for nets.py in the working directory. It is
called with the numbers of inputs and outputs, and with `options` by name, and returns a torch.nn.Module from float32
rows (n, inputs) to (n, outputs). The registered loss gives the gradient of the outputs, and autograd that of the
weights, which lossreg's optimizers update. Initial weights follow the seed of the run.

Modules whose training differs from their evaluation, such as those with dropout or batch normalisation, are refused:
a resumed run would not be the same run. `threads` is how many threads PyTorch uses; the last bits depend on it.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lossreg.plugin import InvalidInput, InvalidParameter, Model, Network, PositiveInteger, hookimpl, model

if TYPE_CHECKING:
    from collections.abc import Iterator


OPSET = 18
"""The version of ONNX's operators."""
ROWS = 3
"""How many rows the module is tried and exported with; it takes any number."""


@model
def torch(
    inputs: int,
    outputs: int,
    random: Any,
    *,
    module: str,
    options: dict[str, int | float | bool | str] | None = None,
    threads: PositiveInteger = 1,
) -> Network:
    from torch import manual_seed
    from torch.nn import Module
    from torch.random import fork_rng

    function = imported(module)
    with fork_rng(devices=[]):
        manual_seed(int(random.integers(2**63)))
        try:
            made = function(inputs, outputs, **(options or {}))
        except TypeError as error:
            raise InvalidParameter(
                f"{module}: cannot be called with {inputs}, {outputs} and options: {error}"
            ) from error
    if not isinstance(made, Module):
        raise InvalidParameter(f"{module}: expected it to return a torch.nn.Module, got {type(made).__name__}")
    network = ModuleNetwork(made, threads, inputs)
    with fork_rng(devices=[]):
        check_outputs(module, made, inputs, outputs)
    return network


def check_outputs(name: str, module: Any, inputs: int, outputs: int) -> None:
    """Raise InvalidParameter for a module that does not compute trainable float32 (n, outputs) from (n, inputs)."""
    import torch

    try:
        found = module(torch.zeros(ROWS, inputs))
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise InvalidParameter(f"{name}: the module fails for rows of {inputs} numbers: {error}") from error
    expected = f"{name}: expected the module to return a float32 tensor of shape (n, {outputs})"
    if not isinstance(found, torch.Tensor):
        raise InvalidParameter(f"{expected}, got {type(found).__name__}")
    if found.shape != (ROWS, outputs) or found.dtype != torch.float32:
        shape = tuple(found.shape)
        raise InvalidParameter(f"{expected}, got {found.dtype} of shape {shape} for {ROWS} rows")
    if not found.requires_grad:
        raise InvalidParameter(f"{name}: the module's outputs do not depend on parameters that can be trained")


def imported(name: str) -> Any:
    """The function of a name such as "nets:make"; modules in the working directory are found as well."""
    import sys
    from importlib import import_module
    from pathlib import Path

    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise InvalidParameter(f"module: expected a name such as 'nets:make', got {name!r}")
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        found = getattr(import_module(module), function, None)
    except (ImportError, SyntaxError) as error:
        raise InvalidParameter(f"module: {module!r} cannot be imported: {error}") from error
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise InvalidParameter(f"module: {module!r} has no function {function!r}")
    return found


class ModuleNetwork:
    """A network that is a module of PyTorch, whose trained parameters are views of one vector."""

    def __init__(self, module: Any, threads: int, inputs: int) -> None:
        import numpy as np
        import torch

        self.module, self.threads, self.inputs = module, threads, inputs
        for name, part in module.named_modules():
            if "Dropout" in type(part).__name__ or getattr(part, "track_running_stats", False):
                raise InvalidParameter(
                    f"module: {name or 'the module'} is a {type(part).__name__}, which in training differs from "
                    "evaluation; leave it out, or use normalisation by row such as LayerNorm"
                )
        trained = {name: each for name, each in module.named_parameters() if each.requires_grad}
        for name, each in trained.items():
            if each.dtype != torch.float32:
                raise InvalidParameter(f"module: expected parameters of float32, but {name} has {each.dtype}")
        size = sum(each.numel() for each in trained.values())
        self.weights, self.grads = np.zeros(size, np.float32), np.zeros(size, np.float32)
        flat, flat_grads, start = torch.from_numpy(self.weights), torch.from_numpy(self.grads), 0
        for each in trained.values():
            part = slice(start, start + each.numel())
            flat[part] = each.detach().reshape(-1)
            each.data, each.grad = flat[part].view(each.shape), flat_grads[part].view(each.shape)
            start = part.stop
        state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self.named = {name: np.atleast_1d(each.detach().numpy()) for name, each in state.items()}
        self._outputs: Any = None

    def forward(self, inputs: Any) -> Any:
        """Compute the outputs of a batch."""
        import torch

        with limited_threads(self.threads):
            self._outputs = self.module(torch.from_numpy(inputs))
        return self._outputs.detach().numpy()

    def backward(self, grad: Any) -> None:
        """Compute `grads` from the gradient with respect to the latest outputs."""
        import torch

        self.grads[:] = 0
        with limited_threads(self.threads):
            self._outputs.backward(torch.from_numpy(grad))

    def to_onnx(self) -> bytes:
        """The module as an ONNX file, by the exporter of PyTorch."""
        import warnings

        import onnxscript  # noqa: F401  the exporter needs it
        import torch

        try:
            with warnings.catch_warnings(), silence():
                warnings.simplefilter("ignore")
                program = torch.onnx.export(
                    self.module.eval(),
                    (torch.zeros(ROWS, self.inputs),),
                    dynamo=True,
                    dynamic_shapes=({0: torch.export.Dim("rows")},),
                    opset_version=OPSET,
                    verbose=False,
                )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            reasons = [line.strip() for line in str(error.__cause__ or error).splitlines() if line.strip()]
            raise InvalidInput(f"PyTorch cannot write the module as ONNX: {reasons[0]}") from error
        content: bytes = program.model_proto.SerializeToString()
        return content


@contextmanager
def silence() -> "Iterator[None]":
    """Discard what is logged or printed: the exporter names absent packages, and dumps graphs that it cannot write."""
    import logging
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def limited_threads(count: int) -> "Iterator[None]":
    """Let PyTorch use this many threads inside the block."""
    import torch

    before = torch.get_num_threads()
    if before == count:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@hookimpl
def lossreg_component() -> Model:
    return torch
