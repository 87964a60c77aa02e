"""Read and write YAML by the core schema of YAML 1.2.

In it `1e-3` is a number, `off` and `12:30` are text, and `010` is ten, unlike in YAML 1.1, which PyYAML follows. Of
YAML 1.1, configs have the merge `<<: *anchor`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    from yaml import CBaseLoader as BaseLoader
except ImportError:  # a PyYAML built without libyaml: seven times slower, the same result
    from yaml import BaseLoader  # type: ignore[assignment]

MAX_INTEGER = 2**63 - 1
MAX_DIGITS = 40

TAG = "tag:yaml.org,2002:"
SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}
TAGS = {TAG + kind for kind in (*SCALARS, "str", "seq", "map")}


class Loader(BaseLoader):
    """Composes nodes with the tags of the core schema."""


class Dumper(yaml.SafeDumper):
    """Writes YAML with the same meaning in YAML 1.1 and 1.2: text that either takes for a number is quoted."""


for _kind, _pattern in SCALARS.items():
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), None)


def dump(content: Mapping[str, Any]) -> str:
    """Write a config as YAML."""
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120)


def scalar_value(kind: str, text: str) -> Any:
    """The value of a scalar of one of the kinds above, or of text; raises KeyError or ValueError if it has none."""
    if kind == "null":
        return None
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind == "int":
        return integer(text)
    if kind == "float":
        return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
    return text


def integer(text: str) -> int:
    """Read an integer; raises ValueError for one that does not fit into 64 bits."""
    value = int(text[:MAX_DIGITS], {"0o": 8, "0x": 16}.get(text[:2], 10))
    if len(text) > MAX_DIGITS or abs(value) > MAX_INTEGER:
        raise ValueError(text)
    return value
