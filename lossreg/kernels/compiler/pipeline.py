"""How numba compiles a loop and the functions that only it calls: at once, and without the passes that change nothing.

numba optimises every function and makes machine code of it, before it does the same for what calls it, with the
function inside: level by level. Here a part is handed on as it is, and the whole is optimised once. And an argument
that is left to its default is a constant: a branch on one is dropped before types are inferred, and what a switch
leaves out is not compiled. The first call of triplet_margin took 3.3 s without either.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.numba_api import (
    CompilerBase,
    FunctionPass,
    JITCodeLibrary,
    Lower,
    Omitted,
    PassManager,
    _dynfunc,
    create_new_function_pass_manager,
    ir,
    lookup_environment,
    register_pass,
    renew_definitions,
    typed_passes,
    untyped_passes,
)
from lossreg.kernels.compiler.type_inference import InferTypes, kernel_context

if TYPE_CHECKING:
    from collections.abc import Iterator


class Whole(JITCodeLibrary):
    """A loop's code with that of its parts: optimised together, not function by function before."""

    def _optimize_functions(self, ll_module: Any) -> None:
        """Have variables in registers, which shows whose row a number is of once a function is put in its callers'."""
        # All have to agree on how numbers lie in memory.
        ll_module.data_layout = self._codegen._data_layout  # noqa: SLF001  numba has no other way
        manager, builder = create_new_function_pass_manager(), self._codegen._pass_builder()  # noqa: SLF001  as above
        manager.add_sroa_pass()
        manager.add_instruction_combine_pass()
        for function in ll_module.functions:
            if not function.is_declaration:
                manager.run(function, builder)


class Part(Whole):
    """A function's code, for others to link in: not optimised, and no machine code made of it."""

    def _optimize_final_module(self) -> None:
        """Leave it to the callers."""

    def _finalize_final_module(self) -> None:
        """Leave it to the callers."""
        self._finalized = True


class LowerPart(Lower):
    """What generates a part's code."""

    def emit_environment_object(self) -> None:
        """Leave it: what needs its environment, which numba would save with the loop, says so."""


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
        renew_definitions(state.func_ir)
        return bool(found)


VECTOR_PASSES: list[type[FunctionPass]] = []
"""Passes that functions on vector types need before their types are inferred; `lossreg.kernels.simd` adds them."""

BORROWING = {"build_tuple", "cast", "exhaust_iter", "getattr", "getitem", "phi", "static_getitem"}
"""Operations that give an array, or part of one, that somebody else holds."""


def makes(step: Any) -> Iterator[str]:
    """The variables of a statement by which it makes an array, if they are arrays."""
    if isinstance(step, ir.SetItem | ir.StaticSetItem):
        yield step.value.name  # numba copies it where it may overlap what it is assigned to
    elif isinstance(step, ir.Assign) and isinstance(step.value, ir.Expr):
        if step.value.op not in BORROWING:
            yield step.target.name
        elif step.value.op == "getitem":
            yield step.value.index.name


@register_pass(mutates_CFG=True, analysis_only=False)
class Generate(typed_passes.NativeLowering):
    """The pass that generates a loop."""

    _name = "generate"
    library = Whole

    def run_pass(self, state: Any) -> bool:
        """Generate it."""
        state.targetctx = state.targetctx.subtarget(
            typing_context=kernel_context(), enable_nrt=self.counts(state) and state.targetctx.enable_nrt
        )
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        done: bool = super().run_pass(state)
        self.finish(state)
        return done

    def counts(self, _: Any) -> bool:
        """Whether the function counts who holds an array: a loop does not, it borrows those that it is given."""
        return False

    def finish(self, state: Any) -> None:
        """Hand the parts that ask for it their environments, as numba does with a loop that it finds on disk."""
        for variable in state.library._final_module.global_variables:  # noqa: SLF001  numba's own way
            if environment := lookup_environment(variable.name):
                state.library.codegen.set_env(variable.name, environment)


@register_pass(mutates_CFG=True, analysis_only=False)
class GeneratePart(Generate):
    """The pass that generates a part."""

    _name = "generate_part"
    library = Part
    lowering_class = LowerPart

    def run_pass(self, state: Any) -> bool:
        """Generate it, and nothing that runs."""
        state.flags.no_compile = True
        return super().run_pass(state)

    def counts(self, state: Any) -> bool:
        """A part does that gives an array, or may make one."""
        models, kinds = state.targetctx.data_model_manager, state.typemap
        steps = (step for block in state.func_ir.blocks.values() for step in block.body)
        made = [kinds[name] for step in steps for name in makes(step)]
        return any(models[kind].contains_nrt_meminfo() for kind in (state.return_type, *made))

    def finish(self, state: Any) -> None:
        """Let compiled code call it, by a function that does nothing in Python."""
        made = state.cr
        key = _dynfunc.make_function(
            made.fndesc.lookup_module(), made.fndesc.qualname, "", 0, made.env, (state.library,)
        )
        state.targetctx.insert_user_function(key, made.fndesc, [state.library])
        state.cr = made._replace(cfunc=key)


def passes(state: Any, generate: type[Generate] = Generate) -> list[Any]:
    """The only pipeline of a function's passes: numba's, less those that are for more than numbers and loops.

    Not among them: parallel loops, expressions of arrays fused into one loop, literal_unroll, `with`, and functions
    that numba is told to put in the place of their calls.
    """
    manager = PassManager("nopython")
    nested = any(isinstance(constant, CodeType) for constant in state.func_id.code.co_consts)
    for step in (
        untyped_passes.TranslateByteCode,
        untyped_passes.FixupArgs,
        untyped_passes.IRProcessing,
        SettleDefaults,
        *((untyped_passes.InlineClosureLikes, untyped_passes.MakeFunctionToJitFunction) if nested else ()),
        untyped_passes.RewriteSemanticConstants,
        untyped_passes.DeadBranchPrune,
        untyped_passes.GenericRewrites,
        untyped_passes.RewriteDynamicRaises,
        untyped_passes.ReconstructSSA,
        *VECTOR_PASSES,
        untyped_passes.DeadBranchPrune,
        InferTypes,
        typed_passes.PreLowerStripPhis,
        typed_passes.NoPythonSupportedFeatureValidation,
        typed_passes.IRLegalization,
        typed_passes.AnnotateTypes,
        generate,
        typed_passes.NoPythonBackend,
    ):
        manager.add_pass(step, step.__name__)
    manager.finalize()
    return [manager]


class PartCompiler(CompilerBase):
    """numba's compiler of a function that only compiled code calls."""

    def define_pipelines(self) -> list[Any]:
        """Its passes."""
        return passes(self.state, GeneratePart)


class RowCompiler(PartCompiler):
    """numba's compiler of a form's kernel, or a distance, whose rows to fill share no memory with any other.

    Told so, the compiler makes no second version of a loop for rows that do, which would add up in another order: for
    rows of few numbers, that lie close by, bits would depend on where.
    """

    def define_pipelines(self) -> list[Any]:
        """The passes of a part."""
        self.state.flags.noalias = True
        return super().define_pipelines()
