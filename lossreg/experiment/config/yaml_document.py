"""A config as its user wrote it: the content, and the place in the file of every key and value.

YAML is read by the rules of YAML 1.2's core schema, where `1e-3` is a number, `off` and `12:30` are text and `010` is
ten; a repeated key is an error. Problems are collected and raised together, each with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lossreg.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from yaml import CBaseLoader as BaseLoader
except ImportError:  # a PyYAML built without libyaml: seven times slower, the same result
    from yaml import BaseLoader  # type: ignore[assignment]

KeyPath = tuple[str | int, ...]

# A config may be anyone's: these bound what it costs to read one. At 100,000 values it takes a second.
MOST_CHARACTERS, MOST_VALUES, DEEPEST = 1_000_000, 100_000, 50
LARGEST_INTEGER = 2**63 - 1
SHOWN = 40

TAG = "tag:yaml.org,2002:"
CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}


class Loader(BaseLoader):
    """Composes nodes whose tags follow the core schema."""


class Dumper(yaml.SafeDumper):
    """Writes what readers of YAML 1.1 and of 1.2 understand alike: text that either takes for a number is quoted."""


for _kind, _pattern in CORE.items():
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), None)


def dump(content: Mapping[str, Any]) -> str:
    """Write a config as YAML."""
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120)


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands in a file, lines and columns counted from 1; or an option that says it, at line 0."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass
class Document:
    """A config's content, the places of its keys and values (none for a dict), and the problems found so far."""

    name: str
    content: Any
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[tuple[Place | None, str]] = field(default_factory=list)
    size: int = 0
    """How many values have been read, those of an alias once for each use."""

    @classmethod
    def read(cls, source: str | Path | Mapping[str, Any]) -> Document:
        """Take a dict, or read a YAML file; raises InvalidConfig for a file that cannot be read."""
        if not isinstance(source, str | Path):
            return cls("run", simple(source))
        file = str(source)
        try:
            with Path(source).open(encoding="utf-8") as stream:
                text = stream.read(MOST_CHARACTERS + 1)
        except OSError as error:
            raise InvalidConfig(f"{file}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InvalidConfig(f"{file}: is not UTF-8 text (byte {error.start})") from None
        except ValueError:
            raise InvalidConfig(f"{file!r}: is not a path, as it has a null character") from None
        return cls.of_text(text, file)

    @classmethod
    def of_text(cls, text: str, file: str) -> Document:
        """Read the content of a YAML file."""
        document = cls(Path(file).stem, None)
        document.parse(text, (), partial(Place, file))
        document.values.setdefault((), Place(file, 1, 1))
        return document

    @classmethod
    def option(cls, text: str) -> Document:
        """Read a change such as ``optimizer.lr=3e-4``, whose value is YAML; the option is the place of all it says."""
        key, equals, value = text.partition("=")
        document, place = cls("option", {}), Place(f"--set {text}")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            document.problems.append((place, "expected KEY=VALUE, such as optimizer.lr=3e-4"))
            return document
        if len(path) > DEEPEST:
            document.problems.append((place, f"nested more than {DEEPEST} levels deep"))
            return document
        document.values[path] = place
        document.keys |= {path[:length]: place for length in range(1, len(path) + 1)}
        document.parse(value, path, lambda *_: place)
        for name in reversed(path):
            document.content = {name: document.content}
        return document

    def parse(self, text: str, path: KeyPath, place: Callable[[int, int], Place]) -> None:
        """Read YAML as the content at `path`; what is no YAML is a problem."""
        node, problem = None, ""
        line, column = 1, 1
        try:
            if len(text) > MOST_CHARACTERS:
                problem = f"more than {MOST_CHARACTERS:,} characters"
            else:
                node = yaml.compose(text, Loader=Loader)
        except RecursionError:  # of PyYAML without libyaml, which has a limit of its own
            problem = f"nested more than {DEEPEST} levels deep"
        except yaml.MarkedYAMLError as error:
            line, column = position(error.problem_mark or error.context_mark)
            problem = ", ".join(filter(None, (error.context, error.problem)))
        except yaml.reader.ReaderError as error:
            before, problem = text[: error.position], error.reason
            line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        if problem:
            self.problems.append((place(line, column), problem))
        try:
            self.content = None if node is None else self.construct(node, path, place, ())
        except TooLargeError as error:
            self.problems.append((self.values[error.path], str(error)))

    def construct(
        self,
        node: yaml.Node,
        path: KeyPath,
        place: Callable[[int, int], Place],
        parents: tuple[yaml.Node, ...],
    ) -> Any:
        """Make a node's value, and note where it and all that it contains stands."""
        self.values[path] = place(*position(node.start_mark))
        self.size += 1
        if any(node is parent for parent in parents):
            self.report(path, "an alias to what contains it")
            return None
        if len(parents) >= DEEPEST or self.size > MOST_VALUES:
            deep = f"nested more than {DEEPEST} levels deep"
            raise TooLargeError(
                path, deep if len(parents) >= DEEPEST else f"more than {MOST_VALUES:,} values, aliases included"
            )
        if node.tag not in {TAG + kind for kind in (*CORE, "str", "seq", "map")}:
            self.report(path, f"a tag that configs do not use: {node.tag}")
            return None
        parents = (*parents, node)
        if isinstance(node, yaml.SequenceNode):
            return [self.construct(item, (*path, index), place, parents) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self.scalar(node, path)
        content: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*path, key)
            if key in content:
                first = self.keys[inner]
                told = f"{dotted(inner)}: repeated; first in line {first.line}"
                self.problems.append((place(*position(key_node.start_mark)), told))
                continue
            self.keys[inner] = place(*position(key_node.start_mark))
            content[key] = self.construct(value_node, inner, place, parents)
        return content

    def scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        """Make a scalar's value, as its tag says."""
        kind, text = node.tag.removeprefix(TAG), node.value
        with suppress(KeyError, ValueError):
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return integer(text)
            if kind == "float":
                return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
            return text
        self.report(path, f"{shortened(text)!r} is not of the type {kind}{', which has 64 bits' * (kind == 'int')}")
        return None

    def report(self, path: KeyPath, what: str, *, at_key: bool = False) -> None:
        """Note a problem of the value at `path`, or of its key; a path that is absent stands where its parent does."""
        places = {**self.values, **self.keys} if at_key else self.values
        standing = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in places), None)
        place = None if standing is None else places[standing]
        self.problems.append((place, f"{dotted(path)}: {what}" if path else what))

    def error(self, *problems: tuple[KeyPath, str]) -> InvalidConfig:
        """Make the error of some problems found later, each with the path of the value to change."""
        later = replace(self, problems=[])
        for path, what in problems:
            later.report(path, what)
        return later.invalid()

    def invalid(self) -> InvalidConfig:
        """Make the error of all the problems, one line for each, in the order of the file."""
        ordered = sorted(self.problems, key=lambda problem: problem[0] or Place("", 0, 0))
        return InvalidConfig("\n".join(f"{place}: {what}" if place else what for place, what in ordered))

    def check(self) -> None:
        """Raise InvalidConfig if there are problems."""
        if self.problems:
            raise self.invalid()


class TooLargeError(Exception):
    """What a document has at a path is nested too deep, or one value too many."""

    def __init__(self, path: KeyPath, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def integer(text: str) -> int:
    """Read an integer as YAML writes it. Raises ValueError for one of more than 64 bits."""
    value = int(text[:SHOWN], {"0o": 8, "0x": 16}.get(text[:2], 10))
    if len(text) > SHOWN or abs(value) > LARGEST_INTEGER:
        raise ValueError(text)
    return value


def shortened(text: str) -> str:
    """Text that fits into a message."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def simple(content: Any) -> Any:
    """What a dict says in the types that YAML has: numpy's numbers and arrays as plain numbers and lists."""
    if isinstance(content, Mapping):
        return {key: simple(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [simple(value) for value in content]
    return content.tolist() if hasattr(content, "tolist") else content


def dotted(path: KeyPath) -> str:
    """A path as people write it: ``optimizer.lr``."""
    return ".".join(map(str, path))


def position(mark: yaml.Mark | None) -> tuple[int, int]:
    """A mark's line and column, counted from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
