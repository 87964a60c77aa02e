"""Read the files of runs, which may hold anything: checked against a schema, and bounded in depth and size.

Whatever cannot be used is left out and described, in words for the run that has it; the rest is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidConfig
from lossreg.experiment.config.yaml_document import MAX_DEPTH, Document
from lossreg.experiment.config.yaml_syntax import MAX_INTEGER
from lossreg.experiment.storage import digests, files
from lossreg.experiment.storage.records import flat, number
from lossreg.experiment.storage.schemas import EXPECTED, RECORD, is_number, is_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lossreg.experiment.storage.schemas import Check

LARGEST_FILE = 16_000_000
LARGEST_LOG = 64_000_000
"""In bytes: some hundred thousand epochs with a dozen metrics each."""
LONGEST_KEY = 200
INTEGER_LENGTH = len(str(-MAX_INTEGER))
MOST_KEYS = 1000
"""The keys of a config, and the different ones of all records."""
SHOWN = 40
SOME = 5


class Unreadable(ValueError):  # noqa: N818  the reason follows it
    """A file, or something in it, cannot be used; the message says why."""


def read_json(path: Path) -> Any:
    """The content of a JSON file without its digest.

    Raises FileNotFoundError, and Unreadable for a file that is out of bounds, damaged, or has another digest than
    the one written in it.
    """
    encoded = read_bytes(path, LARGEST_FILE)
    content = parsed(decoded(encoded))
    check_digest(encoded)
    if isinstance(content, dict):
        content.pop(digests.KEY, None)
    return content


def check_digest(content: bytes) -> None:
    """Raise Unreadable for a file whose content has another digest than the one written in it."""
    if not digests.is_intact(content):
        raise Unreadable("its content has changed since it was written, as its digest shows")


def read_text(path: Path, most: int) -> str:
    """The text of a file of at most `most` bytes. Raises FileNotFoundError, and Unreadable for any other reason."""
    return decoded(read_bytes(path, most))


def decoded(content: bytes) -> str:
    """The text of a file. Raises Unreadable for what is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 text (byte {error.start})") from error


def read_lines(path: Path, size: int | None = None) -> list[str]:
    """The lines of a log, or of its first `size` bytes; bytes that are not text are replaced.

    Raises FileNotFoundError, and Unreadable for what cannot be read.
    """
    *lines, last = read_bytes(path, LARGEST_LOG)[:size].decode(errors="replace").split("\n")
    return [*lines, last] if last else lines


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file, as `read_text` reads it."""
    try:
        return files.read(path, most)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error


def parsed(text: str) -> Any:
    """The content of JSON text. Raises Unreadable for what is not JSON, or out of bounds."""
    content = loads(text, bounded_integer)
    level, depth = [content], 0
    while level := [inner for value in level if isinstance(value, dict | list) for inner in values(value)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested more than {MAX_DEPTH} levels deep")
    return content


def bounded_integer(digits: str) -> int:
    """An integer as JSON writes it. Raises Unreadable for one that does not fit into 64 bits."""
    value = int(digits) if len(digits) <= INTEGER_LENGTH else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise Unreadable("an integer that does not fit into 64 bits")
    return value


def loads(text: str, parse_int: Callable[[str], int] = int) -> Any:
    """The content of JSON text, of any depth that Python can parse. Raises Unreadable for what is not JSON."""
    try:
        return json.loads(text, parse_int=parse_int)
    except RecursionError:
        raise Unreadable(f"nested more than {MAX_DEPTH} levels deep") from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(str(error)) from error


def values(content: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """The values in a mapping or a list."""
    return iter(content.values() if isinstance(content, dict) else content)


def read_config(path: Path) -> dict[str, Any]:
    """The content of a run's config. Raises FileNotFoundError, and Unreadable for one that cannot be used."""
    document = Document.from_text(read_text(path, LARGEST_FILE), path.name)
    try:
        document.raise_problems()
    except InvalidConfig as error:
        raise Unreadable(str(error).splitlines()[0].removeprefix(f"{path.name}:").lstrip()) from error
    if not isinstance(document.content, dict):
        raise Unreadable("expected a mapping")
    if (count := len(flat(document.content))) > MOST_KEYS:
        raise Unreadable(f"{count:,} keys; at most {MOST_KEYS:,} are read")
    return document.content


def checked(content: Mapping[str, Any], schema: Mapping[str, Check], rest: Check | None = None) -> Checked:
    """Split a mapping into what fits a schema and the problems of the rest; `rest` is the check of keys not in it."""
    result = Checked()
    for key, value in content.items():
        check = schema.get(key, rest)
        if len(key) > LONGEST_KEY:
            result.problems.append(f"{shortened(key)}: a key of {len(key):,} characters")
        elif check is None or check(value):
            result.content[key] = value
        else:
            result.problems.append(f"{shortened(key)}: expected {EXPECTED[check]}, got {shortened(repr(value))}")
    return result


@dataclass
class Checked:
    """The part of a mapping that can be used, and the problems of the rest."""

    content: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def record_of(line: str) -> Checked:
    """A record of the metrics, nan and infinity as numbers. Raises Unreadable for a line that is not a record."""
    content = loads(line)
    if not isinstance(content, dict) or len(content) > MOST_KEYS:
        raise Unreadable(f"expected a mapping of at most {MOST_KEYS:,} keys")
    return checked({key: number(value) for key, value in content.items()}, RECORD, is_scalar)


def complete_record(line: str) -> dict[str, Any]:
    """A record as training writes it. Raises Unreadable for any other."""
    record = record_of(line)
    for problem in record.problems:
        raise Unreadable(problem)
    if not {"epoch", "step"} <= {*record.content} or not all(map(is_number, record.content.values())):
        raise Unreadable(f"not a record of numbers with an epoch and a step: {shortened(line)!r}")
    return record.content


def shortened(text: str) -> str:
    """Text that fits into a message."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def some(problems: list[str]) -> list[str]:
    """The first few problems, and how many more there are."""
    rest = len(problems) - SOME
    return problems if rest <= 0 else [*problems[:SOME], f"and {rest:,} more"]
