"""Check of a loss's documentation: its sections, what it mentions, and its examples."""

from __future__ import annotations

import sys
from doctest import DocTestParser, DocTestRunner
from typing import TYPE_CHECKING

from lossreg.testing.check import check

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

SECTIONS = {"formula": "=", "shapes": "Shapes:", "ranges": "Ranges:", "source": "Source:"}
"""The sections of a loss's documentation, and the text by which each is found."""


@check
def documentation_is_complete(tested: LossUnderTest, run: CheckRun) -> None:
    """It has a summary, formula, shapes, ranges and source, mentions inputs and parameters, and its examples hold."""
    loss, doc = tested.loss, tested.loss.doc
    words = doc.partition(">>>")[0].replace("_", " ")
    inputs = [entry.name for form in loss.forms for entry in form.inputs]
    named = dict.fromkeys([*inputs, *(parameter.name for parameter in loss.parameters)])
    missing = [] if loss.summary.rstrip().endswith(".") else [f"sentence to start with ({loss.summary!r})"]
    signs = {**SECTIONS, "example": f">>> {loss.name}.at("}
    missing += [f"{name} ({sign!r})" for name, sign in signs.items() if sign not in doc]
    missing += [f"mention of {name}" for name in named if name.replace("_", " ") not in words]
    run.require(not missing, f"the documentation has no {', '.join(missing)}")
    if tested.level == "quick" and loss.forms[0].by_batch:
        return  # in plain Python the last digit of an example may be another one than compiled
    module = sys.modules.get(loss.function.__module__)
    names = {**(vars(module) if module else {}), loss.name: loss}
    examples = DocTestParser().get_doctest(doc, names, loss.name, loss.file, 0)
    lines: list[str] = []
    DocTestRunner(verbose=False).run(examples, out=lines.append)
    run.require(not lines, "an example in the documentation does not hold:\n" + "".join(lines))
