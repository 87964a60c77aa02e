"""A config put together: what it extends below, the file itself, and what `--set` changes on top.

    extends: base.yaml                          # a path relative to this file; a base may extend another
    loss: {delta: 2}                            # a mapping is laid over the base's, key by key

    lossreg run FILE --set optimizer.lr=3e-4    # the same as a file of that one key on top

Whatever is no mapping replaces what is below it. So does a plugin of another name: its parameters are its own, and only
what every plugin of that noun takes stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidConfig
from lossreg.experiment.config.yaml_document import DEEPEST, Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.experiment.config.yaml_document import KeyPath

    Nouns = Mapping[str, set[str]]
    """The nouns whose value names a plugin, and the keys that go with any plugin."""

EXTENDS = "extends"


def compose(source: str | Path | Mapping[str, Any], changes: Iterable[str], nouns: Nouns) -> Document:
    """Read a config, lay it over what it extends, and on top all the changes together, of which later ones count."""
    document = Document.read(source)
    if isinstance(document.content, Mapping):
        document = extended(document, Path(source) if isinstance(source, str | Path) else Path("dict"), nouns, ())
        together = Document("changes", {})
        for change in changes:
            together = laid_over(together, Document.option(change), nouns, together.name)
        document = laid_over(document, together, nouns, document.name)
    return document


def extended(document: Document, file: Path, nouns: Nouns, above: tuple[Path, ...]) -> Document:
    """Lay a file's document over what it extends; `above` are the files that extend it."""
    document.content = dict(document.content)
    base = document.content.pop(EXTENDS, None)
    if base is None:
        return document
    if not isinstance(base, str) or "\0" in base:
        document.report((EXTENDS,), f"expected the path of a config, got {base!r}")
        return document
    path, above = file.parent / base, (*above, file)
    circular = path.resolve() in [each.resolve() for each in above]
    if circular or len(above) > DEEPEST:
        what = "a circle" if circular else f"more than {DEEPEST} files in a row"
        document.report((EXTENDS,), f"{what}: {' extends '.join(map(str, (*above, path)))}")
        return document
    try:
        below = Document.read(path)
    except InvalidConfig as error:
        document.report((EXTENDS,), str(error))
        return document
    if isinstance(below.content, Mapping):
        return laid_over(extended(below, path, nouns, above), document, nouns, document.name)
    if not below.problems:
        document.report((EXTENDS,), f"expected a config in {path}, got {below.content!r}")
    document.problems += below.problems
    return document


def laid_over(below: Document, above: Document, nouns: Nouns, name: str) -> Document:
    """One document over another, each key with the place where its value comes from."""
    problems = below.problems + above.problems
    result = Document(name, dict(below.content), dict(below.keys), dict(below.values), problems)
    for noun, kept in nouns.items():
        old, new = named(result, noun), named(above, noun)
        named_both = isinstance(old, dict) and isinstance(new, dict) and "name" in old and "name" in new
        if named_both and new["name"] != old["name"]:
            result.content[noun] = {key: value for key, value in old.items() if key in kept}
    result.content = merged(result, above, (), result.content, above.content)
    return result


def named(document: Document, noun: str) -> Any:
    """What a document says of a noun; a bare name becomes a mapping with a name."""
    name = document.content.get(noun)
    if isinstance(name, str):
        document.content[noun] = {"name": name}
        for places in (document.keys, document.values):
            if (noun,) in places:
                places[noun, "name"] = places[noun,]
    return document.content.get(noun)


def merged(result: Document, above: Document, path: KeyPath, old: Any, new: Any) -> Any:
    """The value at a path, and its places in `result`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        for theirs, ours in ((above.keys, result.keys), (above.values, result.values)):
            ours |= {place: where for place, where in theirs.items() if place[: len(path)] == path}
        return new
    if path in above.values:
        result.values[path] = above.values[path]
    content = dict(old)
    for key, value in new.items():
        content[key] = merged(result, above, (*path, key), old.get(key), value)
    return content
