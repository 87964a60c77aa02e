"""How loops are compiled, and how much they take at a time."""

from __future__ import annotations

BLOCK = 2048
"""Numbers in a block: enough to vectorise, few enough for the first cache and for adding up in float32."""
LANES = 16
"""Elements or rows at a time: one vector of float32 where vectors are widest."""

# Nothing may be rearranged, not even a multiply and an add fused into one instruction: whether the compiler does that
# depends on what else is computed, and a value is to have the same bits with a gradient and without. A division by 0 is
# inf or nan: checking for it takes a branch, and with it the vector instructions.
EXACT = {"fastmath": False, "error_model": "numpy"}
# Sums may be reordered, which vectorises them. Never "nnan" or "ninf": they make isnan a constant.
REORDERED = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}
