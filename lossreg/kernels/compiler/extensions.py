"""Load numba's extensions early, so that a damaged distribution does not stop the first kernel.

Before its first compilation numba reads the entry points of every installed distribution, and one byte there that is
not UTF-8 raises UnicodeDecodeError. numba does not try again, so the compilation after that one succeeds.
"""

from __future__ import annotations

import warnings

from lossreg.kernels.compiler.numba_api import init_all


def load_extensions() -> None:
    """Load numba's extensions, or warn that they cannot be read."""
    try:
        init_all()
    except UnicodeDecodeError as error:
        warnings.warn(f"numba's extensions are not loaded: an entry_points.txt is not UTF-8 ({error})", stacklevel=2)
