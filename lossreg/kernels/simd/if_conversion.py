"""If-conversion: replace branches on lanes by selects, so that both sides are computed and each lane takes its result.

A condition on lanes is true in some lanes and false in others, so that no jump can depend on it. This pass changes
numba's IR of a function before type inference: if a condition chooses between two blocks without side effects, they are
merged, and the phis after them become selects. A block that stores or reads an item stays a branch, because the index
may be out of bounds when the condition is false; with a condition on lanes such a branch is a type error.
"""

from __future__ import annotations

from collections import Counter
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
    """Whether a type is a vector of lanes, a row of them, or a tuple that contains one."""
    return isinstance(kind, Lanes | LaneRow) or (isinstance(kind, BaseTuple) and any(map(has_lanes, kind)))


@register_pass(mutates_CFG=True, analysis_only=False)
class ConvertBranches(FunctionPass):
    """Convert the branches of a function that has lanes among its arguments."""

    _name = "convert_branches"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Change the IR of the function; return whether it was changed."""
        if not any(map(has_lanes, state.args)):
            return False
        blocks = state.func_ir.blocks
        remove_dels(blocks)
        varying = varying_names(state.func_ir, state.args)
        while merge_chain(blocks) or convert_branch(blocks, varying) or unresolved(blocks, varying):
            pass
        renew_definitions(state.func_ir)
        return True


VECTOR_PASSES.append(ConvertBranches)


def predecessors(blocks: Blocks) -> dict[int, list[int]]:
    """The labels of the predecessors of each block."""
    found: dict[int, list[int]] = {label: [] for label in blocks}
    for label, block in blocks.items():
        for target in block.terminator.get_targets():
            found[target].append(label)
    return found


def phis(block: ir.Block) -> Iterator[ir.Assign]:
    """The phi assignments of a block."""
    return (step for step in block.body if isinstance(step, ir.Assign) and getattr(step.value, "op", "") == "phi")


def merge_chain(blocks: Blocks) -> bool:
    """Merge a block into its only predecessor, if that one always jumps to it; return whether there was such a pair."""
    before = predecessors(blocks)
    for label, block in blocks.items():
        end = block.terminator
        if isinstance(end, ir.Jump) and before[end.target] == [label] and end.target != label:
            target = blocks.pop(end.target)
            for step in phis(target):
                (step.value,) = step.value.incoming_values
            block.body[-1:] = target.body
            for step in (step for other in blocks.values() for step in phis(other)):
                incoming = step.value.incoming_blocks
                incoming[:] = [label if x == end.target else x for x in incoming]
            return True
    return False


def varying_names(code: Any, kinds: tuple[Any, ...]) -> set[str]:
    """The variables that depend on lanes, by the types of the arguments; others are equal in all lanes."""
    steps = [step for block in code.blocks.values() for step in block.body if isinstance(step, ir.Assign)]
    found: set[str] = set()
    size = -1
    while len(found) > size:
        size = len(found)
        for step in steps:
            value = step.value
            if isinstance(value, ir.Arg):
                varies = has_lanes(kinds[value.index])
            else:
                varies = any(variable.name in found for variable in step.list_vars())
            found |= {step.target.name} if varies else set()
    return found


def convert_branch(blocks: Blocks, varying: set[str] | None = None) -> bool:
    """Convert one branch with an else block, or without; return whether there was one that can be converted.

    With `varying`, only of the branches whose condition is among these variables: others jump, so that a formula for a
    special value of a parameter, such as an exponent of 1, takes no time with other values.
    """
    before = predecessors(blocks)
    used = Counter(variable.name for block in blocks.values() for step in block.body for variable in step.list_vars())
    for label, block in blocks.items():
        end = block.terminator
        if not isinstance(end, ir.Branch) or truth_of(block) is None or not varies(block, varying):
            continue
        arms = [
            at if before[at] == [label] and is_pure(blocks[at], used) else label for at in (end.truebr, end.falsebr)
        ]
        ends = [blocks[at].terminator for at in arms]
        successors = [successor(x, at) for x, at in zip(ends, (end.truebr, end.falsebr), strict=True)]
        if successors[0] == successors[1] != label:
            merge_arms(blocks, label, arms, successors[0])
            return True
    return False


def successor(end: Any, at: int) -> int | None:
    """The successor of an arm by its terminator: None after a return; `at` if the arm is the branching block itself."""
    return end.target if isinstance(end, ir.Jump) else None if isinstance(end, ir.Return) else at


def is_pure(block: ir.Block, used: Counter[str]) -> bool:
    """Whether a block only assigns variables, and reads no item.

    A call whose result is not used fills a row: it stays behind its branch. `used` counts the uses of each variable.
    """
    effects = ("getitem", "iternext", "phi")
    for step in block.body[:-1]:
        operation = getattr(step.value, "op", "") if isinstance(step, ir.Assign) else "store"
        if operation in (*effects, "store") or (operation == "call" and used[step.target.name] == 1):
            return False
    return True


def merge_arms(blocks: Blocks, label: int, arms: list[int], joined: int | None) -> None:
    """Append both arms to the branching block, which may be one of them, and replace phis at `joined` by selects."""
    block, end = blocks[label], blocks[label].terminator
    # Python calls bool(condition), which lanes do not support.
    truth: Any = truth_of(block)
    block.body = [x for x in block.body[:-1] if x is not truth]
    merged = [blocks.pop(at) for at in arms if at != label]
    for arm in merged:
        block.body += arm.body[:-1]
    condition = truth.value.args[0]
    if joined is None:
        block.append(ir.Return(append_select(block, condition, *(arm.terminator.value for arm in merged)), end.loc))
        return
    for step in phis(blocks[joined]):
        given = dict(zip(step.value.incoming_blocks, step.value.incoming_values, strict=True))
        given[label] = append_select(block, condition, *[given.pop(at) for at in arms])
        step.value.incoming_blocks[:], step.value.incoming_values[:] = given.keys(), given.values()
    block.append(ir.Jump(joined, end.loc))


def varies(block: ir.Block, varying: set[str] | None) -> bool:
    """Whether the condition of the branch at the end of a block is among these variables; true without them."""
    return varying is None or block.terminator.cond.name in varying


def unresolved(blocks: Blocks, varying: set[str]) -> bool:
    """Convert a branch on a condition that is equal in all lanes, if one that is not is left; return whether it did."""
    ends = [block.terminator for block in blocks.values()]
    left = any(isinstance(end, ir.Branch) and end.cond.name in varying for end in ends)
    return left and convert_branch(blocks)


def truth_of(block: ir.Block) -> ir.Assign | None:
    """The assignment of bool(condition) for the branch at the end of a block."""
    name = block.terminator.cond.name
    found = (x for x in block.body if isinstance(x, ir.Assign) and x.target.name == name)
    return next((x for x in found if getattr(x.value, "op", "") == "call"), None)


def append_select(block: ir.Block, condition: ir.Var, yes: ir.Var, no: ir.Var) -> ir.Var:
    """Append `select(condition, yes, no)` to a block, and return the variable that it is assigned to."""
    function, result = (ir.Var(block.scope, mk_unique_var(name), block.loc) for name in ("$select", "$selected"))
    block.append(ir.Assign(ir.Global("select", choose, block.loc), function, block.loc))
    block.append(ir.Assign(ir.Expr.call(function, (condition, yes, no), (), block.loc), result, block.loc))
    return result
