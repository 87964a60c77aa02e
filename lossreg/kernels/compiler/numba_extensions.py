"""Load numba's extensions early, so that a damaged distribution does not make the first compilation fail.

Before its first compilation numba reads the entry points of every installed distribution, and a byte there that is not
UTF-8 raises UnicodeDecodeError. numba reads them only once, so that later compilations succeed.
"""

from __future__ import annotations

import warnings

from lossreg.kernels.compiler.numba_api import init_all


def load_extensions() -> None:
    """Load numba's extensions; if their entry points cannot be read, warn."""
    try:
        init_all()
    except UnicodeDecodeError as error:
        warnings.warn(f"numba's extensions are not loaded: an entry_points.txt is not UTF-8 ({error})", stacklevel=2)
