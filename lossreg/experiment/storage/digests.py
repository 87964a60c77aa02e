"""Digests in the files of a run, by which damage is found that leaves a file readable, such as a changed digit.

A file of JSON has its digest as the first key, `blake2b`, and a safetensors file in its header: the hash of all bytes
of the file, with zeros in the place of the digest. It is part of the file and written with it, so that no crash
separates the two. A file without a digest is read as it is: earlier versions wrote none, and a person who changes a
file by hand deletes it.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any

KEY = "blake2b"
BLANK = b"0" * 64
HEAD = 128
"""In how many of the first bytes a digest is."""
WRITTEN = re.compile(rb'"blake2b\\?": ?\\?"([0-9a-f]{64})\\?"')
TRACE = re.compile(rb"blake2b|[0-9a-f]{64}")
"""What is left of a digest and its key after any one of their bytes has changed."""


def hash_of(content: bytes) -> blake2b:
    """The hash of some bytes, to which more can be added."""
    return blake2b(content, digest_size=len(BLANK) // 2)


def digest(content: bytes) -> str:
    """The digest of some bytes."""
    return hash_of(content).hexdigest()


def with_digest(content: bytes) -> bytes:
    """Put the digest into a file that has zeros in its place."""
    assert BLANK in content[:HEAD], "the file has no place for its digest"  # noqa: S101  the caller leaves one
    return content.replace(BLANK, digest(content).encode(), 1)


def has_digest(content: bytes) -> bool:
    """Whether a file has a digest, damaged or not."""
    return bool(TRACE.search(content[:HEAD]))


def is_intact(content: bytes) -> bool:
    """Whether a file has the digest of its content, or none."""
    found = WRITTEN.search(content[:HEAD])
    if found is None:
        return not has_digest(content)
    blank = content[: found.start(1)] + BLANK + content[found.end(1) :]
    return digest(blank).encode() == found[1]


def json_file(content: dict[str, Any], indent: int | None = None) -> bytes:
    """The bytes of a file of JSON with its digest."""
    text = json.dumps({KEY: BLANK.decode(), **content}, indent=indent, allow_nan=False)
    return with_digest(f"{text}\n".encode())
