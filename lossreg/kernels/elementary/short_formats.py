"""float16 and bfloat16 in compiled code: one number of their bits to float32, and back.

Numbers are rounded to the nearest, ties to even, as numpy and ml_dtypes round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lossreg.kernels.elementary.float_formats import bits, from_bits


def widen_float16(given: Any) -> Any:
    """Convert the bits of a float16 to float32."""
    given = np.int32(given)
    magnitude = np.int32(given & np.int32(0x7FFF))
    exponent_bias = np.int32(0x70000000) if magnitude >= np.int32(0x7C00) else np.int32(0x38000000)
    ordinary = from_bits(np.int32((magnitude << np.int32(13)) + exponent_bias))
    small = np.float32(magnitude) * np.float32(2.0**-24)
    size = ordinary if magnitude >= np.int32(0x400) else small
    return from_bits(np.int32(bits(size) | np.int32((given & np.int32(0x8000)) << np.int32(16))))


def narrow_float16(x: Any) -> Any:
    """Round a float32 to float16, as bits."""
    given = bits(x)
    magnitude = np.int32(given & np.int32(0x7FFFFFFF))
    odd = np.int32((magnitude >> np.int32(13)) & np.int32(1))
    ordinary = np.int32((magnitude - np.int32(0x38000000) + np.int32(0xFFF) + odd) >> np.int32(13))
    # Adding 1/2 rounds to a multiple of 2^-24, of which a subnormal number is a few.
    size = from_bits(magnitude) if magnitude >= np.int32(0x33000000) else np.float32(0)
    small = np.int32(bits(size + np.float32(0.5)) - np.int32(0x3F000000))
    found = ordinary if magnitude >= np.int32(0x38800000) else small
    found = found if magnitude < np.int32(0x477FF000) else np.int32(0x7C00)
    found = found if magnitude <= np.int32(0x7F800000) else np.int32(0x7E00)
    return np.uint16(found | np.int32((given >> np.int32(16)) & np.int32(0x8000)))


def widen_bfloat16(given: Any) -> Any:
    """Convert the bits of a bfloat16 to float32."""
    return from_bits(np.int32(np.int32(given) << np.int32(16)))


def narrow_bfloat16(x: Any) -> Any:
    """Round a float32 to bfloat16, as bits."""
    given = bits(x)
    magnitude = np.int32(given & np.int32(0x7FFFFFFF))
    odd = np.int32((magnitude >> np.int32(16)) & np.int32(1))
    found = np.int32((magnitude + np.int32(0x7FFF) + odd) >> np.int32(16))
    found = found if magnitude <= np.int32(0x7F800000) else np.int32(0x7FC0)
    return np.uint16(found | np.int32((given >> np.int32(16)) & np.int32(0x8000)))


WIDEN = {"float16": widen_float16, "bfloat16": widen_bfloat16}
NARROW = {"float16": narrow_float16, "bfloat16": narrow_bfloat16}
"""The conversions to float32 and from it, by the name of the type."""
