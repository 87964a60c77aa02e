"""Losses inside PyTorch: `Loss("huber", delta=0.5)` is a torch.nn.Module.

    from lossreg.bridges.torch import Loss

    loss = Loss("cross_entropy", label_smoothing=0.1)
    loss(model(x), labels).backward()

The tensors' memory is used as it is, on the CPU. Every input that requires a gradient gets one, a target too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.criterion.arguments import inputs_by_name
from lossreg.criterion.sums.weighted_sum import make
from lossreg.errors import InvalidParameter, InvalidType
from lossreg.extras import optional_imports

with optional_imports():
    import torch
    from torch._C import _are_functorch_transforms_active as transforms_active  # as torch.autograd.Function asks it
    from torch.compiler import is_compiling

    from lossreg.bridges import torch_compiled
    from lossreg.bridges.torch_context import BFLOAT16, array_of
    from lossreg.bridges.torch_functions import OrdinaryCall, TransformedLoss, evaluate_eagerly
    from lossreg.bridges.torch_small import small_call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.definition.loss import Loss as LossDefinition

NARROW = (torch.bfloat16, torch.float16)


class LossModule(torch.nn.Module):  # type: ignore[misc]
    """A loss of lossreg as a module; `name`, `reduction` and the parameters are those of `lossreg.create`.

    via_cpu: whether tensors on other devices are moved to the CPU and the result back; otherwise they are refused.
    learned: tensors for inputs that are trained beside the network, by name. They become parameters of the module, so
        that they are in its state_dict and an optimizer trains them.

    A call takes the loss's inputs as tensors, by position or by name, and `sample_weight`, `where` and `denominator` as
    a criterion does. It runs under torch.compile without a graph break and under the transforms of torch.func (vmap
    goes through the batches one by one), and can be differentiated twice by its first input if the loss has second
    derivatives. Under autocast it computes in float32 and gives float32. float16 and bfloat16 are read as they are
    unless the tensors have several such types; bfloat16 is converted to float32 first if ml_dtypes is not installed.
    """

    def __init__(
        self,
        name: str | LossDefinition | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        /,
        *,
        reduction: str | Mapping[str, Any] = "mean",
        via_cpu: bool = False,
        learned: Mapping[str, torch.Tensor] | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__()
        self.criterion: Any = make(name, reduction, parameters)
        self.via_cpu = via_cpu
        self.learned = tuple(learned or {})
        for key, tensor in (learned or {}).items():
            self.register_parameter(key, torch.nn.Parameter(tensor.detach().clone()))
        self.key = torch_compiled.register(self.criterion)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.key = torch_compiled.register(self.criterion)

    def extra_repr(self) -> str:
        """What the printed module shows in its parentheses."""
        return repr(self.criterion)

    def forward(
        self,
        *tensors: torch.Tensor,
        sample_weight: torch.Tensor | None = None,
        where: torch.Tensor | None = None,
        denominator: float | None = None,
        **inputs: torch.Tensor,
    ) -> torch.Tensor:
        """The loss: a number, or with reduction none the value of each element or row.

        Raises what a criterion raises, and InvalidType for tensors on other devices.
        """
        compiling = is_compiling()
        transformed = not compiling and transforms_active()
        if not (
            compiling
            or transformed
            or inputs
            or self.learned
            or sample_weight is not None
            or where is not None
            or denominator is not None
        ):
            call = small_call(self.key, tensors)
            if call is not None:
                return evaluate_eagerly(call, *tensors) if call.graded else call.run(tensors, ())[0]
        tensors, sample_weight, where, result = self._prepared(tensors, sample_weight, where, inputs)
        if compiling:
            value = torch_compiled.call(self.key, tensors, sample_weight, where, denominator)
        elif transformed:
            value = TransformedLoss.apply(self.criterion, denominator, sample_weight, where, *tensors)
        else:
            value = evaluate_eagerly(OrdinaryCall(self.criterion, denominator, sample_weight, where), *tensors)
        return value if result is None else value.to(*result)

    def denominator(
        self,
        *tensors: torch.Tensor,
        sample_weight: torch.Tensor | None = None,
        where: torch.Tensor | None = None,
        **inputs: torch.Tensor,
    ) -> float:
        """What a mean divides by: see `Criterion.denominator`.

        With DistributedDataParallel, which averages the gradients of W processes, give each call the sum of all
        processes' denominators divided by W: then the gradients are those of one process with the whole batch.
        """
        tensors, sample_weight, where, _ = self._prepared(tensors, sample_weight, where, inputs)
        options = {"sample_weight": sample_weight, "where": where}
        arrays = {key: None if x is None else array_of(x) for key, x in options.items()}
        return self.criterion.denominator(*map(array_of, tensors), **arrays)

    def _prepared(
        self,
        tensors: tuple[Any, ...],
        sample_weight: torch.Tensor | None,
        where: torch.Tensor | None,
        inputs: dict[str, Any],
    ) -> tuple[tuple[torch.Tensor, ...], torch.Tensor | None, torch.Tensor | None, Any]:
        """The tensors in the order of the loss's inputs, as it computes them; and to what its result is converted."""
        if inputs or self.learned:
            named = inputs | {key: getattr(self, key) for key in self.learned}
            tensors = inputs_by_name(self.criterion.loss, tensors, named)
        result, ordinary = None, True
        for x in tensors:
            if not isinstance(x, torch.Tensor):
                raise InvalidType(f"{self.criterion.loss.name}: expected tensors; got {type(x).__name__}")
            ordinary = ordinary and x.is_cpu and x.dtype not in NARROW
        if not (ordinary or computes_in_place(tensors)):
            result = self._result(tensors)
        if sample_weight is not None and sample_weight.requires_grad:
            raise InvalidParameter(f"{self.criterion.loss.name}: there is no gradient of sample_weight: detach it")
        if result is None:
            return tensors, sample_weight, where, None
        tensors = tuple([x.float() if x.dtype in NARROW else x for x in (y.cpu() for y in tensors)])
        options = [None if x is None else x.cpu() for x in (sample_weight, where)]
        return tensors, options[0], options[1], result

    def _result(self, tensors: tuple[torch.Tensor, ...]) -> tuple[Any, ...]:
        """The device and type of the result of tensors that are on another device or narrow."""
        for x in tensors:
            if not (x.is_cpu or self.via_cpu):
                raise InvalidType(
                    f"{self.criterion.loss.name}: expected tensors on the CPU; got one on {x.device}; "
                    "via_cpu=True moves them to the CPU and the result back"
                )
        device = next((x.device for x in tensors if not x.is_cpu), tensors[0].device)
        floating = [x.dtype for x in tensors if x.dtype.is_floating_point]
        kind = floating[0]
        for each in floating[1:]:
            kind = torch.promote_types(kind, each)
        if kind in NARROW and torch.is_autocast_enabled(device.type):
            kind = torch.float32
        return device, kind


def computes_in_place(tensors: tuple[torch.Tensor, ...]) -> bool:
    """Whether compiled code reads tensors on the CPU in their narrow type, which all that are no labels have."""
    if not all(x.is_cpu for x in tensors) or torch.is_autocast_enabled("cpu"):
        return False
    kinds = {x.dtype for x in tensors if x.dtype.is_floating_point}
    return len(kinds) == 1 and (BFLOAT16 is not None or torch.bfloat16 not in kinds)


Loss = LossModule
"""The name that users import; the class has another one, as a loss of lossreg is no module."""
