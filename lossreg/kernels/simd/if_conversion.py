"""Branches on lanes: both are computed, and of what they give each lane takes its own.

A condition on lanes is true in some rows and false in others, so no jump can follow it. Here numba's representation of
a function is changed before types are inferred: where a condition chooses between two blocks that only compute, they
are joined, and what it decides is chosen. A block that stores or reads an item stays a branch, since an item that is
not asked for may not be there; on lanes that is a type error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.numba_api import (
    BaseTuple,
    FunctionPass,
    ir,
    mk_unique_var,
    register_pass,
    remove_dels,
    renew_definitions,
)
from lossreg.kernels.compiler.pipeline import VECTOR_PASSES
from lossreg.kernels.simd.vector_rows import LaneRow, choose
from lossreg.kernels.simd.vectors import Lanes

if TYPE_CHECKING:
    from collections.abc import Iterator

    Blocks = dict[int, ir.Block]


def has_lanes(kind: Any) -> bool:
    """Whether a type is of rows side by side, or a tuple that holds one."""
    return isinstance(kind, Lanes | LaneRow) or (isinstance(kind, BaseTuple) and any(map(has_lanes, kind)))


@register_pass(mutates_CFG=True, analysis_only=False)
class BlendBranches(FunctionPass):
    """The pass that joins the branches of a function that is given lanes."""

    _name = "blend_branches"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Change the function's representation; tell whether there was something to change."""
        if not any(map(has_lanes, state.args)):
            return False
        blocks = state.func_ir.blocks
        remove_dels(blocks)
        while chained(blocks) or blended(blocks):
            pass
        renew_definitions(state.func_ir)
        return True


VECTOR_PASSES.append(BlendBranches)


def sources(blocks: Blocks) -> dict[int, list[int]]:
    """The blocks that lead to each block."""
    found: dict[int, list[int]] = {label: [] for label in blocks}
    for label, block in blocks.items():
        for target in block.terminator.get_targets():
            found[target].append(label)
    return found


def phis(block: ir.Block) -> Iterator[ir.Assign]:
    """The statements of a block that take a value by where they are reached from."""
    return (step for step in block.body if isinstance(step, ir.Assign) and getattr(step.value, "op", "") == "phi")


def chained(blocks: Blocks) -> bool:
    """Append a block to the one that always, and alone, leads to it, if there is such a pair."""
    before = sources(blocks)
    for label, block in blocks.items():
        end = block.terminator
        if isinstance(end, ir.Jump) and before[end.target] == [label] and end.target != label:
            target = blocks.pop(end.target)
            for step in phis(target):
                (step.value,) = step.value.incoming_values
            block.body[-1:] = target.body
            for step in (step for other in blocks.values() for step in phis(other)):
                places = step.value.incoming_blocks
                places[:] = [label if place == end.target else place for place in places]
            return True
    return False


def blended(blocks: Blocks) -> bool:
    """Join the two blocks that a condition chooses between, if there are such; one may be where both lead to."""
    before = sources(blocks)
    for label, block in blocks.items():
        end = block.terminator
        if not isinstance(end, ir.Branch) or truth_of(block) is None:
            continue
        arms = [at if before[at] == [label] and computes(blocks[at]) else label for at in (end.truebr, end.falsebr)]
        ends = [blocks[at].terminator for at in arms]
        leads = [end_of(x, at) for x, at in zip(ends, (end.truebr, end.falsebr), strict=True)]
        if leads[0] == leads[1] != label:
            join(blocks, label, arms, leads[0])
            return True
    return False


def end_of(end: Any, at: int) -> int | None:
    """Where a block leads to that ends so: None for out of the function; of a branch where it leads to itself."""
    return end.target if isinstance(end, ir.Jump) else None if isinstance(end, ir.Return) else at


def computes(block: ir.Block) -> bool:
    """Whether a block has no effect but its variables, and reads no item."""
    effects = ("getitem", "iternext", "phi")
    return all(isinstance(x, ir.Assign) and getattr(x.value, "op", "") not in effects for x in block.body[:-1])


def join(blocks: Blocks, label: int, arms: list[int], joined: int | None) -> None:
    """Put both arms before the way to where they join, and choose what is taken by the arm; one may be the block."""
    block, end = blocks[label], blocks[label].terminator
    # Python asks for the truth of a condition, bool(condition), which lanes do not have.
    truth: Any = truth_of(block)
    block.body = [x for x in block.body[:-1] if x is not truth]
    gone = [blocks.pop(at) for at in arms if at != label]
    for arm in gone:
        block.body += arm.body[:-1]
    condition = truth.value.args[0]
    if joined is None:
        block.append(ir.Return(chosen(block, condition, *(arm.terminator.value for arm in gone)), end.loc))
        return
    for step in phis(blocks[joined]):
        given = dict(zip(step.value.incoming_blocks, step.value.incoming_values, strict=True))
        given[label] = chosen(block, condition, *[given.pop(at) for at in arms])
        step.value.incoming_blocks[:], step.value.incoming_values[:] = given.keys(), given.values()
    block.append(ir.Jump(joined, end.loc))


def truth_of(block: ir.Block) -> ir.Assign | None:
    """The statement that asks for the truth of the condition that a block ends with."""
    name = block.terminator.cond.name
    found = (x for x in block.body if isinstance(x, ir.Assign) and x.target.name == name)
    return next((x for x in found if getattr(x.value, "op", "") == "call"), None)


def chosen(block: ir.Block, condition: ir.Var, yes: ir.Var, no: ir.Var) -> ir.Var:
    """The variable, assigned in the block, of what a condition chooses."""
    function, result = (ir.Var(block.scope, mk_unique_var(name), block.loc) for name in ("$choose", "$chosen"))
    block.append(ir.Assign(ir.Global("choose", choose, block.loc), function, block.loc))
    block.append(ir.Assign(ir.Expr.call(function, (condition, yes, no), (), block.loc), result, block.loc))
    return result
