"""Combine a config with the file that it extends and with the changes of `--set`.

    extends: base.yaml                          # a path relative to this file; a base may extend another file
    loss: {delta: 2}                            # a mapping is merged with that of the base, key by key

    lossreg run FILE --set optimizer.lr=3e-4    # the same as a file with only this key that extends FILE

The terms of a sum of losses have numbers, from 0: `--set loss.1.factor=0.5`. All other values replace those of the
base. So does a plugin of another name: its parameters are its own, and only the
settings that all plugins of this key take are inherited.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidConfig
from lossreg.experiment.config.keys import EXTENDS, SETTINGS
from lossreg.experiment.config.yaml_document import MAX_DEPTH, Document
from lossreg.formatting import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.experiment.config.yaml_document import KeyPath


def compose(source: str | Path | Mapping[str, Any], changes: Iterable[str]) -> Document:
    """Read a config, extend what it extends, and apply all changes together, of which later ones take precedence."""
    document = Document.read(source)
    if isinstance(document.content, Mapping):
        document = extend(document, Path(source) if isinstance(source, str | Path) else Path("dict"), ())
        combined = Document("changes", {})
        for change in changes:
            combined = merge(combined, Document.from_option(change), combined.name)
        if EXTENDS in combined.content:
            combined.add_problem(
                (EXTENDS,), "--set changes what a file says, and cannot extend another; write it there"
            )
        document = merge(document, combined, document.name)
    return document


def extend(document: Document, file: Path, extended_by: tuple[Path, ...]) -> Document:
    """Merge a file's document into the one that it extends; `extended_by` are the files that extend this one."""
    document.content = dict(document.content)
    base = document.content.pop(EXTENDS, None)
    if base is None:
        return document
    if not isinstance(base, str) or "\0" in base:
        document.add_problem((EXTENDS,), f"expected the path of a config, got {base!r}")
        return document
    path, extended_by = file.parent / base, (*extended_by, file)
    circular = path.resolve() in [each.resolve() for each in extended_by]
    if circular or len(extended_by) > MAX_DEPTH:
        problem = "a circle" if circular else f"a chain of more than {MAX_DEPTH} files"
        document.add_problem((EXTENDS,), f"{problem}: {' extends '.join(map(str, (*extended_by, path)))}")
        return document
    try:
        below = Document.read(path)
    except InvalidConfig as error:
        document.add_problem((EXTENDS,), str(error))
        return document
    if isinstance(below.content, Mapping):
        return merge(extend(below, path, extended_by), document, document.name)
    if not below.problems:
        document.add_problem((EXTENDS,), f"expected a config in {path}, got {shortened(repr(below.content))}")
    document.problems += below.problems
    return document


def merge(base: Document, override: Document, name: str) -> Document:
    """Merge two documents; each key keeps the location of the document that its value comes from."""
    problems = base.problems + override.problems
    result = Document(name, dict(base.content), dict(base.keys), dict(base.values), problems)
    for key, settings in SETTINGS.items():
        old, new = as_mapping(result, key), as_mapping(override, key)
        both_named = isinstance(old, dict) and isinstance(new, dict) and "name" in old and "name" in new
        if both_named and new["name"] != old["name"]:
            shared = {setting.name for setting in settings}
            result.content[key] = {name: value for name, value in old.items() if name in shared}
    result.content = merge_values(result, override, (), result.content, override.content)
    return result


def as_mapping(document: Document, key: str) -> Any:
    """The value of a key that chooses a plugin; if it is a bare name, it is replaced by a mapping with a name."""
    name = document.content.get(key)
    if isinstance(name, str):
        document.content[key] = {"name": name}
        for locations in (document.keys, document.values):
            if (key,) in locations:
                locations[key, "name"] = locations[key,]
    return document.content.get(key)


def is_position(key: Any, items: list[Any]) -> bool:
    """Whether a key is the number of an item of a list."""
    return isinstance(key, str) and key.isdecimal() and int(key) < len(items)


def merge_values(result: Document, override: Document, path: KeyPath, old: Any, new: Any) -> Any:
    """Merge the values at a path, and add the locations of the new one to `result`."""
    if isinstance(old, list) and isinstance(new, dict) and new and all(is_position(key, old) for key in new):
        items = list(old)
        for key, value in new.items():
            item = old[int(key)]
            named = {"name": item} if isinstance(item, str) and isinstance(value, dict) else item
            items[int(key)] = merge_values(result, override, (*path, key), named, value)
            for locations in (result.keys, result.values):
                below = {at: where for at, where in locations.items() if at[: len(path) + 1] == (*path, key)}
                locations |= {(*path, int(key), *at[len(path) + 1 :]): where for at, where in below.items()}
        return items
    if not isinstance(old, dict) or not isinstance(new, dict):
        for theirs, ours in ((override.keys, result.keys), (override.values, result.values)):
            ours |= {key: location for key, location in theirs.items() if key[: len(path)] == path}
        return new
    if path in override.values:
        result.values[path] = override.values[path]
    content = dict(old)
    for key, value in new.items():
        content[key] = merge_values(result, override, (*path, key), old.get(key), value)
    return content
