"""Why some types, layouts, options and values cost more than others: what the page of cliffs says about each."""

from __future__ import annotations

import re
from typing import NamedTuple

INTRODUCTION = """# Cliffs

What a type, a layout, an option or a value costs beside the plain case (float32, C-contiguous, int64 labels, ordinary
numbers), one thread; `cliffs.py` measures it, and makes this page. `of it the copy` is the time that numpy takes to
convert the arrays to the plain ones, in units of the plain case. `PyTorch to lossreg` is PyTorch's time over lossreg's
with the same arrays. Bold is what takes more than {limit} times the plain case beyond the copy, or more time than
PyTorch: {cliffs} of {rows} cells. Their causes:
"""


class Cause(NamedTuple):
    """A cause of cliffs: one sentence, and patterns of the cases and the variants that it explains."""

    sentence: str
    cases: str
    variants: str

    def explains(self, case: str, variant: str) -> bool:
        """Whether this is the cause of a cliff of a variant of a case."""
        return bool(re.fullmatch(self.cases, case) and re.fullmatch(self.variants, variant))


SMALL, LARGE, ANY = r".* (32 x 1|64 x 10)", r".* 1M", r".*"
WEIGHTS = r"float(32|64) weights"
CAUSES = (
    Cause(
        "A plain call of so few numbers takes 3 to 6 microseconds, and to look at one more array and add up weights, or"
        " to copy an array, takes two more.",
        SMALL,
        rf"{WEIGHTS}|mask",
    ),
    Cause(
        "Weights are one more array, and are read twice: the gradient is divided by their sum.",
        LARGE,
        WEIGHTS,
    ),
    Cause(
        "A product with a subnormal number takes the processor about a hundred cycles, and the formula multiplies the"
        " input. To let the processor take such numbers as 0 would change results.",
        ANY,
        "subnormal",
    ),
    Cause(
        "Its time is that of matrix products, which take twice as long in float64, and numpy's OpenBLAS has no float16,"
        " which PyTorch multiplies by instructions of its own.",
        r"(linear_cross_entropy|adaptive_log_softmax) .*",
        "float(16|64)",
    ),
    Cause(
        "PyTorch multiplies bfloat16 matrices by AMX instructions, in a seventh of the time of float32. Without them"
        " (ONEDNN_MAX_CPU_ISA=AVX512_CORE) its products take 4.5 times as long as those of float32. numpy has products"
        " of float32 and float64 only.",
        r"linear_cross_entropy .*",
        "bfloat16",
    ),
    Cause(
        "The rows of an array that is not C-contiguous are converted a slab at a time, whose numbers are far apart in"
        " memory; and where the axis of classes is not the last, the gradient is converted as well.",
        r"(cross_entropy|nll|multi_margin) (256 x 32,000|4,096 x 1,000|8 x 21 x 128 x 128)",
        "Fortran order|strided|reversed",
    ),
    Cause(
        "The squares of a row are added in float32, again in float64, and then beside the largest number.",
        r"(triplet_margin|cosine_embedding).*",
        r"half -inf|one nan",
    ),
)
"""The causes, in order: the first that fits a cliff is its cause."""
