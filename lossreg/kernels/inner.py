"""How numba compiles a function that only compiled code calls: as a part of its callers.

numba optimises every function and makes machine code of it, before it does the same for what calls it, with the
function inside: level by level. Here a part is handed on as it is, and the whole is optimised once. And an argument
that is left to its default is a constant: a branch on one is dropped before types are inferred, and what a switch
leaves out is not compiled. The first call of triplet_margin took 3.3 s without either.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core import ir
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.ir_utils import build_definitions
from numba.core.typed_passes import NativeLowering
from numba.core.types.misc import Omitted
from numba.core.untyped_passes import IRProcessing, ReconstructSSA

from lossreg.kernels.blend import BlendBranches

ENVIRONMENT = "_ZN08NumbaEnv"
"""How the names of the variables begin that hold a function's environment, which numba sets when it has compiled it."""


class Part(JITCodeLibrary):
    """A function's code, for others to link in: not optimised, and no machine code made of it."""

    def _optimize_functions(self, ll_module: Any) -> None:
        """Leave it to the callers; they have to agree on how numbers lie in memory."""
        ll_module.data_layout = self._codegen._data_layout  # noqa: SLF001  numba has no other way

    def _optimize_final_module(self) -> None:
        """Leave it to the callers."""

    def _finalize_final_module(self) -> None:
        """Define the variables alone."""
        names = [f'"{x.name}"' for x in self._final_module.global_variables if x.name.startswith(ENVIRONMENT)]
        variables = "".join(f"@{name} = common global i8* null\n" for name in names)
        self._codegen._add_module(llvm.parse_assembly(variables))  # noqa: SLF001  numba has no other way
        self._finalize_specific()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=False)
class SettleDefaults(FunctionPass):
    """The pass that puts the values of defaults in the place of arguments."""

    _name = "settle_defaults"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Change the function's representation; tell whether there was something to change."""
        found = [
            step
            for block in state.func_ir.blocks.values()
            for step in block.find_insts(ir.Assign)
            if isinstance(step.value, ir.Arg) and isinstance(state.args[step.value.index], Omitted)
        ]
        for step in found:
            step.value = ir.Global(step.value.name, state.args[step.value.index].value, step.loc)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)  # noqa: SLF001  numba's own way
        return bool(found)


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerPart(NativeLowering):
    """The pass that generates a part."""

    _name = "lower_part"

    def run_pass(self, state: Any) -> bool:
        """Generate it."""
        state.library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        done: bool = super().run_pass(state)
        return done


class PartCompiler(CompilerBase):
    """numba's compiler, with these passes."""

    def define_pipelines(self) -> list[Any]:
        """The passes of the only pipeline."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(SettleDefaults, IRProcessing)
        passes.add_pass_after(BlendBranches, ReconstructSSA)
        passes.passes = [(LowerPart, "part") if step is NativeLowering else (step, why) for step, why in passes.passes]
        passes.finalize()
        return [passes]
