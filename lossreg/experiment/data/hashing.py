"""Words of a column as the buckets of a hash, so that any number of words takes a few columns."""

from __future__ import annotations

from typing import Any

BUCKETS = tuple(f"#{number}" for number in range(32))
"""The categories of a column of the kind hash, each of which stands for the words of one hash."""


def hashed(text: Any) -> Any:
    """The bucket of each word, by a hash that is the same everywhere."""
    from hashlib import blake2b

    import pyarrow as pa

    digests = (blake2b(word.encode(), digest_size=8).digest() for word in text.to_pylist())
    return pa.array([BUCKETS[int.from_bytes(digest) % len(BUCKETS)] for digest in digests], pa.string())
