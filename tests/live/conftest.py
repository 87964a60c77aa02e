"""PyTorch, imported once with its own warnings silenced, and the peer functions of tests/golden."""

import sys
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch  # noqa: F401
    from torch.testing._internal import common_methods_invocations, common_modules  # noqa: F401

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
