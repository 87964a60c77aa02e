"""PyTorch, imported once with its own warnings silenced; the peers of tests/golden, and the study of differences."""

import sys
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch  # noqa: F401
    from torch.testing._internal import common_methods_invocations, common_modules  # noqa: F401

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "golden"), str(ROOT / "experiments" / "differences")]
