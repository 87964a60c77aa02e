"""A YAML document with the location of every key and value, and the problems found in it.

A repeated key is a problem. Problems are collected, and raised together, each with its location. What reading a
document may cost is limited, since a config may come from anywhere.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lossreg.errors import InvalidConfig
from lossreg.experiment.config.yaml_syntax import TAG, TAGS, Loader, scalar_value

if TYPE_CHECKING:
    from collections.abc import Callable

KeyPath = tuple[str | int, ...]

MAX_CHARACTERS, MAX_VALUES, MAX_DEPTH = 1_000_000, 100_000, 50
"""The largest document that is read. One of 100,000 values takes a second."""
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, order=True)
class Location:
    """A line and a column of a file, counted from 1; or, with line 0, an option of the command line."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass
class Document:
    """The content of a config, the locations of its keys and values (none for a dict), and the problems found."""

    name: str
    content: Any
    keys: dict[KeyPath, Location] = field(default_factory=dict)
    values: dict[KeyPath, Location] = field(default_factory=dict)
    problems: list[tuple[Location | None, str]] = field(default_factory=list)
    size: int = 0
    """How many values have been read, counting those of an alias at each use."""

    @classmethod
    def read(cls, source: str | Path | Mapping[str, Any]) -> Document:
        """Read a YAML file, or take a dict; raises InvalidConfig for a file that cannot be read."""
        if not isinstance(source, str | Path):
            return cls("run", to_builtin_types(source))
        file = str(source)
        try:
            with Path(source).open(encoding="utf-8") as stream:
                text = stream.read(MAX_CHARACTERS + 1)
        except OSError as error:
            raise InvalidConfig(f"{file}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InvalidConfig(f"{file}: is not UTF-8 text (byte {error.start})") from None
        except ValueError:
            raise InvalidConfig(f"{file!r}: is not a path, as it has a null character") from None
        return cls.from_text(text, file)

    @classmethod
    def from_text(cls, text: str, file: str) -> Document:
        """Read the content of a YAML file."""
        document = cls(Path(file).stem, None)
        document.parse(text, (), partial(Location, file))
        document.values.setdefault((), Location(file, 1, 1))
        return document

    @classmethod
    def from_option(cls, text: str) -> Document:
        """Read an option such as ``optimizer.lr=3e-4``, whose value is YAML; all locations are the option."""
        key, equals, value = text.partition("=")
        document, location = cls("option", {}), Location(f"--set {text}")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            document.problems.append((location, "expected KEY=VALUE, such as optimizer.lr=3e-4"))
            return document
        if len(path) > MAX_DEPTH:
            document.problems.append((location, f"nested more than {MAX_DEPTH} levels deep"))
            return document
        document.values[path] = location
        document.keys |= {path[:length]: location for length in range(1, len(path) + 1)}
        document.parse(value, path, lambda *_: location)
        for name in reversed(path):
            document.content = {name: document.content}
        return document

    def parse(self, text: str, path: KeyPath, locate: Callable[[int, int], Location]) -> None:
        """Read YAML as the content at a path; `locate` makes the location of a line and a column."""
        node, problem = None, ""
        line, column = 1, 1
        try:
            if len(text) > MAX_CHARACTERS:
                problem = f"more than {MAX_CHARACTERS:,} characters"
            else:
                node = yaml.compose(text, Loader=Loader)
        except RecursionError:  # from PyYAML without libyaml, which has a limit of its own
            problem = f"nested more than {MAX_DEPTH} levels deep"
        except yaml.MarkedYAMLError as error:
            line, column = line_and_column(error.problem_mark or error.context_mark)
            problem = ", ".join(filter(None, (error.context, error.problem)))
            if "\t" in (indentation := indentation_of(text, line)):
                column, problem = indentation.index("\t") + 1, "a tab; YAML is indented by spaces"
        except yaml.reader.ReaderError as error:
            before, problem = text[: error.position], error.reason
            line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        if problem:
            self.problems.append((locate(line, column), problem))
        try:
            self.content = None if node is None else self.construct(node, path, locate, ())
        except TooLargeError as error:
            self.problems.append((self.values[error.path], str(error)))

    def construct(
        self,
        node: yaml.Node,
        path: KeyPath,
        locate: Callable[[int, int], Location],
        parents: tuple[yaml.Node, ...],
    ) -> Any:
        """Make the value of a node, and record the locations of it and of all that it contains."""
        self.values[path] = locate(*line_and_column(node.start_mark))
        self.size += 1
        if any(node is parent for parent in parents):
            self.add_problem(path, "an alias to a value that contains it")
            return None
        if len(parents) >= MAX_DEPTH:
            raise TooLargeError(path, f"nested more than {MAX_DEPTH} levels deep")
        if self.size > MAX_VALUES:
            raise TooLargeError(path, f"more than {MAX_VALUES:,} values, counting aliases")
        if node.tag not in TAGS:
            self.add_problem(path, f"a tag that configs do not support: {node.tag}")
            return None
        parents = (*parents, node)
        if isinstance(node, yaml.SequenceNode):
            return [self.construct(item, (*path, index), locate, parents) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self.construct_scalar(node, path)
        content: dict[Any, Any] = {}
        for key_node, value_node in self.pairs(node, path, parents):
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*path, key)
            location = locate(*line_and_column(key_node.start_mark))
            if key in content:
                problem = f"{dotted(inner)}: repeated; first in line {self.keys[inner].line}"
                self.problems.append((location, problem))
                continue
            self.keys[inner] = location
            content[key] = self.construct(value_node, inner, locate, parents)
        return content

    def pairs(
        self, node: yaml.Node, path: KeyPath, parents: tuple[yaml.Node, ...]
    ) -> list[tuple[yaml.Node, yaml.Node]]:
        """The keys and values of a mapping, and at the end those that `<<` merges into it and that it lacks."""
        merged = [value for key, value in node.value if is_merge(key)]
        found = [pair for pair in node.value if not is_merge(pair[0])]
        for value in merged:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                self.size += 1
                if not isinstance(source, yaml.MappingNode) or any(source is parent for parent in parents):
                    self.add_problem(path, "<<: expected another mapping to merge, or a list of mappings")
                    continue
                if self.size > MAX_VALUES or len(parents) >= MAX_DEPTH:
                    raise TooLargeError(path, f"more than {MAX_VALUES:,} values, counting aliases")
                known = {key.value for key, _ in found}
                found += [pair for pair in self.pairs(source, path, (*parents, source)) if pair[0].value not in known]
        return found

    def construct_scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        """Make the value of a scalar, by its tag."""
        kind, text = node.tag.removeprefix(TAG), node.value
        with suppress(KeyError, ValueError):
            return scalar_value(kind, text)
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
        self.add_problem(path, f"{shown!r} is not of the type {kind}{', which has 64 bits' * (kind == 'int')}")
        return None

    def add_problem(self, path: KeyPath, problem: str, *, at_key: bool = False) -> None:
        """Add a problem with the value at a path, or with its key; a missing one is located at what contains it."""
        locations = ChainMap(self.keys, self.values) if at_key else self.values
        nearest = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in locations), None)
        location = None if nearest is None else locations[nearest]
        self.problems.append((location, f"{dotted(path)}: {problem}" if path else problem))

    def error(self, *problems: tuple[KeyPath, str]) -> InvalidConfig:
        """Make the error for problems that are found later, each with the path of the value to change."""
        later = replace(self, problems=[])
        for path, problem in problems:
            later.add_problem(path, problem)
        return later.invalid()

    def invalid(self) -> InvalidConfig:
        """Make the error for all problems, one line for each, in the order of the file."""
        ordered = sorted(self.problems, key=lambda problem: problem[0] or Location("", 0, 0))
        return InvalidConfig("\n".join(f"{place}: {problem}" if place else problem for place, problem in ordered))

    def raise_problems(self) -> None:
        """Raise InvalidConfig if there are problems."""
        if self.problems:
            raise self.invalid()


class TooLargeError(Exception):
    """A document is nested too deep, or has too many values; `path` is where reading it ended."""

    def __init__(self, path: KeyPath, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def to_builtin_types(content: Any) -> Any:
    """Convert the content of a dict to the types that YAML has: numpy's numbers and arrays to numbers and lists."""
    if isinstance(content, Mapping):
        return {key: to_builtin_types(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [to_builtin_types(value) for value in content]
    return content.tolist() if hasattr(content, "tolist") else content


def dotted(path: KeyPath) -> str:
    """A path with dots: ``optimizer.lr``."""
    return ".".join(map(str, path))


def is_merge(key: yaml.Node) -> bool:
    """Whether a key is the merge of YAML 1.1, `<<` without quotes."""
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style


def indentation_of(text: str, number: int) -> str:
    """The spaces and tabs at the beginning of a line, counted from 1."""
    line = "".join(text.splitlines()[number - 1 : number])
    return line[: len(line) - len(line.lstrip(" \t"))]


def line_and_column(mark: yaml.Mark | None) -> tuple[int, int]:
    """The line and column of a mark, counted from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
