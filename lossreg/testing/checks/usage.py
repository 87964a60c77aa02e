"""Checks of what a user sees: what is refused and how, pickling, configs, documentation."""

from __future__ import annotations

import pickle
import sys
from doctest import DocTestParser, DocTestRunner
from functools import partial
from typing import TYPE_CHECKING, Any, get_args, get_origin

import numpy as np

import lossreg
from lossreg.criterion.checking import smaller
from lossreg.criterion.criterion import Criterion
from lossreg.definition.domains import CLASS_INDEX, CLASS_LIST
from lossreg.errors import InvalidInput, InvalidParameter, LossregError
from lossreg.registry.registries import losses
from lossreg.testing.checks.check import check
from lossreg.testing.results import CheckFailure
from lossreg.testing.subject import WIDTH, batch, criterion, fused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.parameters import Parameter
    from lossreg.testing.points import Array, Case
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject

INFINITY = float("inf")
CANDIDATES = (-INFINITY, -2.0, -1.0, -0.5, -1e-300, 0.0, 1e-300, 0.5, 1.0, 1 + 2**-52, 2.0, INFINITY, float("nan"))
"""Numbers inside and outside of domains, and on both sides of their edges."""
PLACE = 1
"""Where in a batch a number is tried."""


def refuses(trial: Trial, call: Callable[[], Any], kind: type[Exception], words: tuple[str, ...], what: str) -> None:
    """Require that a call raises `kind` with a message that has all the words."""
    try:
        call()
    except LossregError as error:
        trial.require(isinstance(error, kind), f"{what} raises {type(error).__name__}, expected {kind.__name__}")
        for word in words:
            trial.require(word in str(error), f"{what}: the message does not say {word!r}: {error}")
    except Exception as error:
        raise CheckFailure(f"{what} raises {type(error).__name__}, expected {kind.__name__}: {error}") from error
    else:
        trial.require(condition=False, told=f"{what} is accepted, expected {kind.__name__}")


@check
def inputs_outside_are_refused(subject: Subject, trial: Trial) -> None:
    """Numbers outside an input's domain are refused, with its name and their position; those at the edge are taken."""
    for case in subject.defaults:
        arrays = batch(case, (6,))
        for position, entry in enumerate(case.form.inputs):
            for x, inside in candidates(case, position):
                given, at = put(arrays, position, x)
                told = f"{case}: {entry.name} of {x}"
                if inside:
                    fused(case)(*given)
                    trial.points += 1
                else:
                    words = (entry.name, str(at), str(x) if np.isfinite(x) else "")
                    refuses(trial, partial(fused(case), *given), InvalidInput, words, told)


def put(arrays: list[Array], position: int, x: Any) -> tuple[list[Array], list[int]]:
    """The arrays with a number in one of them, at PLACE of its first axis if that is so long; and its first place."""
    given = [y.copy() for y in arrays]
    at = min(PLACE, len(given[position]) - 1)
    given[position][at] = x
    return given, [at] + [0] * (given[position].ndim - 1)


def candidates(case: Case, position: int) -> Iterator[tuple[Any, bool]]:
    """Numbers for an input, and whether its domain has them; none where that is for the kernel to say."""
    domain = case.form.inputs[position].domain
    if domain is CLASS_INDEX:
        return ((label, 0 <= label < WIDTH) for label in (-1, 0, WIDTH - 1, WIDTH, 2**40))
    if domain is CLASS_LIST:
        return ((label, -1 <= label < WIDTH) for label in (-2, -1, 0, WIDTH - 1, WIDTH, 2**40))
    if domain.integer:
        return ((x, x >= 0) for x in (-1, 1) if domain.bounded)
    return ((x, bool(domain.contains(x)) or not domain.bounded) for x in CANDIDATES)


@check
def misfits_are_refused(subject: Subject, trial: Trial) -> None:
    """Arrays of other shapes, too few of them, or of types that are no numbers are refused; nothing is broadcast."""
    for case in subject.defaults:
        arrays = batch(case, (6,))
        name = subject.loss.name
        for at, x in enumerate(arrays):
            if len(arrays) > 1 and not case.form.inputs[at].several:  # whose shapes may be the only ones to tell
                for wrong in (x[:-1], x[:, None], x[:1]):
                    if wrong.shape == x.shape or (case.form.inputs[at].shared and wrong.shape in smaller(x.shape)):
                        continue
                    given = [*arrays[:at], wrong, *arrays[at + 1 :]]
                    told = f"{case}: {case.form.inputs[at].name} of shape {wrong.shape} beside {arrays[at - 1].shape}"
                    refuses(trial, partial(criterion(case), *given), LossregError, (name,), told)
            given = [*arrays[:at], x.astype(str), *arrays[at + 1 :]]
            refuses(trial, partial(criterion(case), *given), TypeError, (name,), f"{case}: text as input")
        too_few = arrays[:1] if case.form.whole else arrays[:-1]
        refuses(trial, partial(criterion(case), *too_few), TypeError, (name,), f"{case}: an input too few")
        short = np.ones(5)
        refuses(
            trial,
            partial(criterion(case), *arrays, sample_weight=short),
            InvalidInput,
            ("sample_weight",),
            f"{case}: 5 weights for 6",
        )
        refuses(
            trial,
            partial(criterion(case), *arrays, where=short > 0),
            InvalidInput,
            ("where",),
            f"{case}: a mask of 5 for 6",
        )


@check
def parameters_are_checked(subject: Subject, trial: Trial) -> None:
    """Parameters unknown, nan, of another type or outside their domain are refused; those at the edge are taken."""
    loss = subject.loss
    base = subject.defaults[0].parameters
    refuses(trial, lambda: Criterion(loss, "maen", base), InvalidParameter, ("'mean'",), "reduction 'maen'")
    for name in [*base, "nonsense"]:
        misspelt, near = (name + "x", (name,)) if name in base else (name, ())
        refuses(
            trial,
            partial(Criterion, loss, "mean", {**base, misspelt: 1.0}),
            InvalidParameter,
            (misspelt, *near),
            f"parameter {misspelt}",
        )
    tried: tuple[Any, ...] = (*CANDIDATES, 1, True, "text", [1.0, "text"], {})
    for parameter in loss.parameters:
        for x in tried:
            told = f"{parameter.name}={x!r}"
            if belongs(parameter, x):
                trial.require(Criterion(loss, "mean", {**base, parameter.name: x}), told)
            else:
                refuses(
                    trial,
                    partial(Criterion, loss, "mean", {**base, parameter.name: x}),
                    InvalidParameter,
                    (parameter.name,),
                    told,
                )


def belongs(parameter: Parameter, x: Any) -> bool:
    """Whether a parameter may be set to something: by its domain, or where it has none, by its own word."""
    if parameter.domain is None or get_origin(get_args(parameter.annotation)[0]) is not None:
        return not refused(parameter, x)
    kinds = int if parameter.domain.integer else (int, float)
    return isinstance(x, kinds) and not isinstance(x, bool) and bool(parameter.domain.contains(x))


def refused(parameter: Parameter, x: Any) -> bool:
    """Whether a parameter without a domain does not take a value."""
    try:
        parameter.accept(x)
    except InvalidParameter:
        return True
    return False


@check
def criteria_are_values(subject: Subject, trial: Trial) -> None:
    """A criterion pickles, comes back from its config and from what it prints, equals its like, and never changes."""
    for case in subject.cases:
        made = criterion(case, "sum")
        arrays = batch(case, (6,))
        again = {
            "pickled": pickle.loads(pickle.dumps(made)),  # noqa: S301  its own
            "made from its config": from_config(made),
            "printed": printed(made),
        }
        for way, other in again.items():
            told = f"{made!r}, {way},"
            trial.require(other == made and hash(other) == hash(made), f"{told} is another: {other!r}")
            alike = np.array_equal(other(*arrays), made(*arrays), equal_nan=True)
            trial.require(alike, f"{told} gives another loss")
        trial.require(made != criterion(case, "mean"), f"{made!r} is equal to its mean")
        for name in ("loss", "reduction", "parameters", "anything"):
            trial.require(unchangeable(made, name), f"{made!r}: its {name} can be set")


def from_config(made: Criterion) -> Criterion:
    """The criterion that its config makes, by the loss's name where it is installed under it."""
    config = dict(made.config)
    name = config.pop("name")
    installed = name in losses.names() and losses.get(name) is made.loss
    return lossreg.create(name if installed else made.loss, **config)


def printed(made: Criterion) -> Criterion:
    """The criterion that its printed form makes."""

    class Face:
        """lossreg with this loss under its name, installed or not."""

        @staticmethod
        def create(name: str, **given: Any) -> Criterion:
            if name != made.loss.name:
                raise CheckFailure(f"{made!r} names another loss")
            return lossreg.create(made.loss, **given)

    names = {"lossreg": Face, "inf": INFINITY, "nan": float("nan")}
    criterion: Criterion = eval(repr(made), names)  # noqa: S307  what it prints is what is being checked
    return criterion


def unchangeable(made: Criterion, name: str) -> bool:
    """Whether an attribute refuses to be set."""
    before = getattr(made, name, None)
    try:
        setattr(made, name, before)
    except AttributeError:
        return True
    return False


SECTIONS = {"formula": "=", "shapes": "Shapes:", "ranges": "Ranges:", "source": "Source:"}
"""What a loss's documentation has, and how each is found."""


@check
def documentation_is_complete(subject: Subject, trial: Trial) -> None:
    """It has summary, formula, shapes, ranges and source, mentions inputs and parameters, and its examples hold."""
    loss, doc = subject.loss, subject.loss.doc
    words = doc.partition(">>>")[0].replace("_", " ")
    inputs = [entry.name for form in loss.forms for entry in form.inputs]
    named = dict.fromkeys([*inputs, *(parameter.name for parameter in loss.parameters)])
    missing = [] if loss.summary.rstrip().endswith(".") else [f"sentence to start with ({loss.summary!r})"]
    signs = {**SECTIONS, "example": f">>> {loss.name}.at("}
    missing += [f"{name} ({sign!r})" for name, sign in signs.items() if sign not in doc]
    missing += [f"mention of {name}" for name in named if name.replace("_", " ") not in words]
    trial.require(not missing, f"the documentation has no {', '.join(missing)}")
    names = {**vars(sys.modules.get(loss.function.__module__, lossreg)), loss.name: loss}
    examples = DocTestParser().get_doctest(doc, names, loss.name, loss.file, 0)
    lines: list[str] = []
    DocTestRunner(verbose=False).run(examples, out=lines.append)
    trial.require(not lines, "an example in the documentation does not hold:\n" + "".join(lines))
