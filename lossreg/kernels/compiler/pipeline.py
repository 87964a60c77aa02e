"""The compiler pipeline of a loop and its inner functions: one optimization of all code, and only the passes needed.

numba optimizes each function and generates machine code for it, then links it into its callers and optimizes them,
level by level. Here inner functions are linked as they are, and LLVM optimizes the loop once. In addition, an argument
that has its default value is a constant: branches on it are pruned before type inference, so that the branches that a
switch excludes are not compiled. Without both, the first call of triplet_margin took 3.3 s.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.numba_api import (
    CompilerBase,
    FunctionPass,
    JITCodeLibrary,
    Linkage,
    Lower,
    Omitted,
    PassManager,
    _dynfunc,
    create_new_function_pass_manager,
    get_host_cpu_features,
    ir,
    lookup_environment,
    register_pass,
    renew_definitions,
    set_option,
    typed_passes,
    untyped_passes,
)
from lossreg.kernels.compiler.type_inference import InferTypes, kernel_context

if TYPE_CHECKING:
    from collections.abc import Iterator


WIDEST_VECTORS = ('"prefer-vector-width"="512"',) if get_host_cpu_features().get("avx512vbmi2", False) else ()
"""A function attribute. LLVM prefers vectors of 256 bits, because the first processors with 512 bits ran slower with
them. With this attribute cross_entropy of 1,000 classes takes four fifths of the time, in float64 three quarters."""


def fill_vectors(on: str) -> None:
    """Choose ("true" or "false") whether LLVM fills vectors with the numbers of a loop's narrowest type.

    By default with those of the widest: where float32 numbers are added in float64, half of each vector is unused. With
    it multi_margin of 1,000 classes takes three quarters of the time. Off x86, defaults differ by processor.
    """
    if get_host_cpu_features().get("avx2", False):
        set_option("", f"-vectorizer-maximize-bandwidth={on}")


class LoopLibrary(JITCodeLibrary):
    """The code of a loop and its inner functions, optimized together instead of one by one."""

    def add_ir_module(self, module: Any) -> None:
        """Add generated code, with the attribute that allows vectors as wide as the processor has."""
        for function in module.functions:
            if not function.is_declaration:
                set.update(function.attributes, WIDEST_VECTORS)  # llvmlite rejects string attributes
        super().add_ir_module(module)

    def _optimize_final_module(self) -> None:
        """Optimize the loop with its inner functions, made internal, so that LLVM inlines those with a single call."""
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        fill_vectors("true")
        try:
            super()._optimize_final_module()
        finally:
            fill_vectors("false")

    def _optimize_functions(self, ll_module: Any) -> None:
        """Promote variables to registers, so that after inlining alias analysis can tell rows apart."""
        # The modules that are linked must agree on the data layout.
        ll_module.data_layout = self._codegen._data_layout  # noqa: SLF001  numba has no other way
        manager, builder = create_new_function_pass_manager(), self._codegen._pass_builder()  # noqa: SLF001  as above
        manager.add_sroa_pass()
        manager.add_instruction_combine_pass()
        for function in ll_module.functions:
            if not function.is_declaration:
                manager.run(function, builder)


class InnerLibrary(LoopLibrary):
    """The code of an inner function, for its callers to link: neither optimized nor compiled to machine code."""

    def _optimize_final_module(self) -> None:
        """Do nothing: the library of the loop does it."""

    def _finalize_final_module(self) -> None:
        """Do nothing: the library of the loop does it."""
        self._finalized = True


class InnerLower(Lower):
    """Lower an inner function to LLVM IR."""

    def emit_environment_object(self) -> None:
        """Emit none: functions that need an environment refer to it, and `set_environments` provides it."""


@register_pass(mutates_CFG=False, analysis_only=False)
class ReplaceDefaults(FunctionPass):
    """Replace arguments that have their default values by constants."""

    _name = "replace_defaults"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Change the IR of the function; return whether anything was changed."""
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
"""Passes before type inference for functions of vector types; `lossreg.kernels.simd` adds them."""

BORROWING = {"build_tuple", "cast", "exhaust_iter", "getattr", "getitem", "phi", "static_getitem"}
"""Operations whose result is an existing array, or a view of one, so that they allocate nothing."""


def allocated_variables(step: Any) -> Iterator[str]:
    """The variables of a statement for which it allocates an array, if they are arrays."""
    if isinstance(step, ir.SetItem | ir.StaticSetItem):
        yield step.value.name  # numba copies it if it may overlap the array that it is assigned to
    elif isinstance(step, ir.Assign) and isinstance(step.value, ir.Expr):
        if step.value.op not in BORROWING:
            yield step.target.name
        elif step.value.op == "getitem":
            yield step.value.index.name


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerLoop(typed_passes.NativeLowering):
    """Lower a loop to LLVM IR."""

    _name = "lower_loop"
    library = LoopLibrary

    def run_pass(self, state: Any) -> bool:
        """Lower the function with the typing context of kernels, in a library of its own."""
        state.targetctx = state.targetctx.subtarget(
            typing_context=kernel_context(),
            enable_nrt=self.needs_reference_counts(state) and state.targetctx.enable_nrt,
        )
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        done: bool = super().run_pass(state)
        self.link(state)
        return done

    def needs_reference_counts(self, _: Any) -> bool:
        """Whether the function owns arrays: a loop does not, since its caller keeps the arguments alive."""
        return False

    def link(self, state: Any) -> None:
        """Set the environments of inner functions that refer to one, as numba does for a function loaded from disk."""
        for variable in state.library._final_module.global_variables:  # noqa: SLF001  numba has no public name for it
            if environment := lookup_environment(variable.name):
                state.library.codegen.set_env(variable.name, environment)


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerInner(LowerLoop):
    """Lower an inner function to LLVM IR."""

    _name = "lower_inner"
    library = InnerLibrary
    lowering_class = InnerLower

    def run_pass(self, state: Any) -> bool:
        """Lower the function without machine code."""
        state.flags.no_compile = True
        return super().run_pass(state)

    def needs_reference_counts(self, state: Any) -> bool:
        """Whether the function returns an array or may allocate one."""
        models, kinds = state.targetctx.data_model_manager, state.typemap
        steps = (step for block in state.func_ir.blocks.values() for step in block.body)
        allocated = [kinds[name] for step in steps for name in allocated_variables(step)]
        return any(models[kind].contains_nrt_meminfo() for kind in (state.return_type, *allocated))

    def link(self, state: Any) -> None:
        """Make the function callable from compiled code, by a placeholder that Python cannot call."""
        result = state.cr
        key = _dynfunc.make_function(
            result.fndesc.lookup_module(), result.fndesc.qualname, "", 0, result.env, (state.library,)
        )
        state.targetctx.insert_user_function(key, result.fndesc, [state.library])
        state.cr = result._replace(cfunc=key)


def pipelines(state: Any, lowering: type[LowerLoop] = LowerLoop) -> list[Any]:
    """The pass manager of a function: the passes of numba that loops over numbers need.

    It leaves out parallel loops, fused array expressions, literal_unroll, `with` blocks, and inlining before type
    inference (`inline="always"`).
    """
    manager = PassManager("nopython")
    nested = any(isinstance(constant, CodeType) for constant in state.func_id.code.co_consts)
    for step in (
        untyped_passes.TranslateByteCode,
        untyped_passes.FixupArgs,
        untyped_passes.IRProcessing,
        ReplaceDefaults,
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
        lowering,
        typed_passes.NoPythonBackend,
    ):
        manager.add_pass(step, step.__name__)
    manager.finalize()
    return [manager]


class InnerCompiler(CompilerBase):
    """numba's compiler for a function that only compiled code calls."""

    lowering: type[LowerLoop] = LowerInner

    def define_pipelines(self) -> list[Any]:
        """The passes, with the lowering of inner functions."""
        return pipelines(self.state, self.lowering)


class RowCompiler(InnerCompiler):
    """numba's compiler for a kernel or a distance whose output rows share no memory with any other array.

    With `noalias` LLVM makes no second version of a loop for overlapping rows, which adds up in another order and runs
    also for short rows that are close together in memory: the bits of a sum would depend on its address.
    """

    def define_pipelines(self) -> list[Any]:
        """The passes of an inner function, with `noalias` set."""
        self.state.flags.noalias = True
        return super().define_pipelines()
