"""The JSON Schema (draft 2020-12) of configs, with every installed plugin's parameters, for editors.

A config that extends another may leave out whatever the other has; `whole` is false for those.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from lossreg.definition import domains
from lossreg.definition.annotations import domain_of, named_functions, row_axis_of
from lossreg.definition.parameters import SEQUENCES, UNION
from lossreg.errors import AmbiguousName
from lossreg.experiment.config.inheritance import EXTENDS
from lossreg.experiment.config.run_config import LABEL, NOUNS, REST, SETTINGS, SWEEP, TRAIN, USUAL
from lossreg.experiment.config.sweep_config import DISTRIBUTIONS, PARAMETERS, SECTIONS
from lossreg.experiment.task.metrics import METRIC_NAMES
from lossreg.registry.isolation import usable
from lossreg.registry.registries import losses, normalized_name, trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter
    from lossreg.registry.registries import Offer

Schema = dict[str, Any]

LIMITS: dict[domains.Domain, Schema] = {
    domains.POSITIVE: {"exclusiveMinimum": 0},
    domains.NON_NEGATIVE: {"minimum": 0},
    domains.UNIT: {"minimum": 0, "maximum": 1},
    domains.SIGN: {"enum": [1, -1]},
    domains.PROBABILITY: {"minimum": 0},
    domains.FRACTION: {"minimum": 0, "exclusiveMaximum": 1},
    domains.POSITIVE_INTEGER: {"minimum": 1},
    domains.NON_NEGATIVE_INTEGER: {"minimum": 0},
    domains.INCREASING_INTEGERS: {
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "integer", "minimum": 1},
    },  # and in order
}
LOSS = "(_*[wW]_*[iI]_*[tT]_*[hH])?(_*[lL]_*[oO]_*[sS]_*[sS])?_*$"
"""The end of a name that tells nothing."""
SCALARS = {float: "number", int: "integer", bool: "boolean", str: "string", None: "null", type(None): "null"}


def schema() -> Schema:
    """The schema of a config file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lossreg config",
        "if": {"anyOf": [{"required": [EXTENDS]}, {"required": [SWEEP]}]},
        "then": {"$ref": "#/$defs/extending"},
        "else": {"$ref": "#/$defs/whole"},
        "$defs": {
            **{noun: choice(registry, SETTINGS[noun], whole=True) for noun, registry in NOUNS.items()},
            "whole": config(whole=True),
            "extending": config(whole=False),
        },
    }


def config(*, whole: bool) -> Schema:
    """The schema of a config that is whole, or of one that extends another or has a sweep."""
    nouns = {
        noun: {"$ref": f"#/$defs/{noun}"} if whole else choice(registry, SETTINGS[noun], whole=False)
        for noun, registry in NOUNS.items()
    }
    train = mapping(TRAIN)
    keys = {EXTENDS: {"type": "string"}, **nouns, "train": {"anyOf": [train, {"type": "null"}]}}
    keys |= {parameter.name: setting(parameter) for parameter in REST}
    lists = {"metrics": {"enum": METRIC_NAMES}, "report": choice(losses, [LABEL], whole=True)}
    lists["trackers"] = choice(trackers, (), whole=True)
    keys |= {key: {"anyOf": [{"type": "array", "items": items}, {"type": "null"}]} for key, items in lists.items()}
    if not whole:
        keys[SWEEP] = {"anyOf": [sweep([key for key in keys if key != EXTENDS]), {"type": "null"}]}
    return {
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
        "required": [noun for noun in NOUNS if whole and noun not in USUAL],
    }


def sweep(keys: Iterable[str]) -> Schema:
    """The schema of a sweep of these keys and those below them, written with dots or as mappings of mappings."""
    known = {"propertyNames": {"pattern": f"^({'|'.join(keys)})([.]|$)"}}
    values: Schema = {"type": "array", "minItems": 1}
    nouns = {noun: {"anyOf": [{**values, "items": {"$ref": f"#/$defs/{noun}"}}, {"type": "object"}]} for noun in NOUNS}
    listed = {"type": "object", "properties": nouns, "additionalProperties": {"anyOf": [values, {"type": "object"}]}}
    distribution = {"type": "object", "properties": dict.fromkeys(DISTRIBUTIONS, values)}
    drawn = {"type": "object", "additionalProperties": distribution}
    return mapping(PARAMETERS, {name: {**(drawn if name == "draw" else listed), **known} for name in SECTIONS})


def choice(registry: Any, settings: Iterable[Parameter], *, whole: bool) -> Schema:
    """The schema of a noun: the name of an installed plugin, or a mapping with a name and its parameters."""
    settings = list(settings)
    bare, mappings, every = [], [], []
    for offer, component in usable(registry):
        own = [setting_of(parameter) for parameter in component.parameters]
        every += own
        required = [parameter.name for parameter in component.parameters if parameter.required]
        name = naming(registry, offer)
        found = mapping(settings, {"name": name, **dict(own)})
        mappings.append({**found, "description": component.summary, "required": ["name", *required * whole]})
        if not required or not whole:
            bare.append(name)
    part = [] if whole else [mapping(settings, dict(every))]
    return {"anyOf": [{"anyOf": bare}, *mappings, *part]}


def naming(registry: Any, offer: Offer[Any]) -> Schema:
    """The schema of a plugin's name: as it is completed, and as the registry finds it."""
    letters = "_*".join(f"[{letter.lower()}{letter.upper()}]" for letter in normalized_name(offer.name))
    usual, prefix = offer.name, f"({offer.distribution}:)?"
    try:
        registry.find(offer.name)
    except AmbiguousName:
        usual, prefix = f"{offer.distribution}:{offer.name}", f"{offer.distribution}:"
    return {"type": "string", "anyOf": [{"const": usual}, {"pattern": f"^{prefix}_*{letters}{LOSS}"}]}


def mapping(parameters: Iterable[Parameter], keys: Schema | None = None) -> Schema:
    """The schema of a mapping with some parameters beside other keys, and nothing else."""
    keys = {**(keys or {}), **{parameter.name: setting(parameter) for parameter in parameters}}
    return {"type": "object", "properties": keys, "additionalProperties": False}


def setting_of(parameter: Parameter) -> tuple[str, Schema]:
    """A plugin's parameter and its schema; some of a loss's numbers may be arrays."""
    found = setting(parameter)
    if parameter.accepts_array:
        row = {"type": "array", "items": {"anyOf": found["anyOf"]}, "minItems": 1}
        found["anyOf"] = [*found["anyOf"], {**row, "items": {"anyOf": [*found["anyOf"], row]}}]
    return parameter.name, found


def setting(parameter: Parameter) -> Schema:
    """The schema of one parameter: what it may be, and its default, which nothing stands for too."""
    found: Schema = {"anyOf": [of(parameter.annotation)], "description": parameter.description}
    if not parameter.required:
        found["anyOf"].append({"type": "null"})
        # In JSON as in YAML, but for inf and nan, which JSON lacks.
        found |= {} if parameter.default in (inf, -inf) else {"default": parameter.default}
    return found


def of(annotation: Any) -> Schema:  # noqa: PLR0911  a return for each kind of annotation
    """The schema of what an annotation allows."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if row_axis_of(annotation) is not None:
        return {"anyOf": [of(get_args(arguments[0])[0]), of(arguments[0])]}
    if named_functions(annotation):
        return {"enum": [*named_functions(annotation)]}
    if origin is Annotated:
        domain = domain_of(annotation)
        return {**of(arguments[0]), **(LIMITS.get(domain, {}) if domain else {})}
    if origin in UNION:
        return {"anyOf": [of(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in SEQUENCES:
        return {"type": "array", "items": of(arguments[0])}
    return {"type": SCALARS[annotation]}
