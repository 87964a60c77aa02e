"""The JSON Schema (draft 2020-12) of configs, with the parameters of every installed plugin, for editors.

A config that extends another file, or has a sweep, may be partial: it may leave out what would be required otherwise.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from lossreg.definition import domains
from lossreg.definition.annotations import domain_of, named_functions, row_axis_of
from lossreg.definition.parameter_values import SEQUENCES, UNION
from lossreg.errors import AmbiguousName
from lossreg.experiment.config.distributions import DISTRIBUTIONS
from lossreg.experiment.config.keys import (
    DEFAULT_PLUGINS,
    EXTENDS,
    LABEL,
    OTHER_KEYS,
    PLUGIN_KEYS,
    SETTINGS,
    SWEEP,
    TERM,
    TRAIN,
)
from lossreg.experiment.config.pruner_config import PRUNER, PRUNERS
from lossreg.experiment.config.sweep_config import SECTIONS, SWEEP_PARAMETERS
from lossreg.registry.isolation import usable
from lossreg.registry.registries import losses, metrics, models, normalized_name, reductions, trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter
    from lossreg.registry.registries import Offer

Schema = dict[str, Any]

LIMITS: dict[domains.Domain, Schema] = {
    domains.POSITIVE: {"exclusiveMinimum": 0},
    domains.NON_NEGATIVE: {"minimum": 0},
    domains.FINITE_POSITIVE: {"exclusiveMinimum": 0},
    domains.FINITE_NON_NEGATIVE: {"minimum": 0},
    domains.UNIT: {"minimum": 0, "maximum": 1},
    domains.SIGN: {"enum": [1, -1]},
    domains.PROBABILITY: {"minimum": 0},
    domains.FRACTION: {"minimum": 0, "exclusiveMaximum": 1},
    domains.POSITIVE_INTEGER: {"minimum": 1},
    domains.NON_NEGATIVE_INTEGER: {"minimum": 0},
    domains.INCREASING_INTEGERS: {  # that they increase cannot be expressed
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "integer", "minimum": 1},
    },
}
LOSS_SUFFIX = "(_*[wW]_*[iI]_*[tT]_*[hH])?(_*[lL]_*[oO]_*[sS]_*[sS])?_*$"
"""The end of a name that the registry ignores."""
TERMS = {"$ref": "#/$defs/terms"}
"""The schema of a weighted sum of losses."""
SCALARS = {float: "number", int: "integer", bool: "boolean", str: "string", None: "null", type(None): "null"}


def schema() -> Schema:
    """Return the schema of config files."""
    plugins = {key: plugin_schema(registry, SETTINGS[key]) for key, registry in PLUGIN_KEYS.items()}
    terms = {"type": "array", "items": plugin_schema(losses, TERM), "minItems": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lossreg config",
        "if": {"anyOf": [{"required": [EXTENDS]}, {"required": [SWEEP]}]},
        "then": {"$ref": "#/$defs/partial"},
        "else": {"$ref": "#/$defs/complete"},
        "$defs": {**plugins, "terms": terms, "complete": config_schema(), "partial": config_schema(partial=True)},
    }


def config_schema(*, partial: bool = False) -> Schema:
    """The schema of a complete config, or of a partial one."""
    plugins = {
        key: plugin_schema(registry, SETTINGS[key], partial=True) if partial else {"$ref": f"#/$defs/{key}"}
        for key, registry in PLUGIN_KEYS.items()
    }
    train = {"anyOf": [mapping(TRAIN), {"type": "null"}]}
    plugins["loss"] = {"anyOf": [plugins["loss"], TERMS]}
    keys = {EXTENDS: {"type": "string"}, **plugins, "train": train}
    keys["optimizer"] = {"anyOf": [plugins["optimizer"], {"type": "null"}]}
    keys |= {parameter.name: parameter_schema(parameter) for parameter in OTHER_KEYS}
    keys["reduction"]["anyOf"] += plugin_schema(reductions, ())["anyOf"]
    lists = {
        "metrics": plugin_schema(metrics, [LABEL]),
        "report": plugin_schema(losses, [LABEL]),
        "trackers": plugin_schema(trackers, ()),
    }
    keys |= {key: {"anyOf": [{"type": "array", "items": items}, {"type": "null"}]} for key, items in lists.items()}
    if partial:
        keys[SWEEP] = {"anyOf": [sweep_schema([key for key in keys if key != EXTENDS]), {"type": "null"}]}
    return {
        "type": "object",
        "properties": keys,
        "additionalProperties": False,
        "required": [key for key in PLUGIN_KEYS if not partial and key not in (*DEFAULT_PLUGINS, "optimizer")],
        **({} if partial else optimizer_schema()),
    }


def optimizer_schema() -> Schema:
    """That a config has an optimizer, unless its model is boosted."""
    names = [name_schema(models, offer) for offer, component in usable(models) if component.boosted]
    by_name = {"type": "object", "properties": {"name": {"anyOf": names}}, "required": ["name"]}
    is_null = {"properties": {"optimizer": {"type": "null"}}}
    return {
        "if": {"properties": {"model": {"anyOf": [*names, by_name]}}} if names else False,
        "then": is_null,
        "else": {"required": ["optimizer"], "not": {**is_null, "required": ["optimizer"]}},
    }


def sweep_schema(keys: Iterable[str]) -> Schema:
    """The schema of a sweep over these keys and those below them, written with dots or as nested mappings."""
    names = {"propertyNames": {"pattern": f"^({'|'.join(keys)})([.]|$)"}}
    values: Schema = {"type": "array", "minItems": 1}
    nested: Schema = {"type": "object"}
    items: dict[str, Schema] = {key: {"$ref": f"#/$defs/{key}"} for key in PLUGIN_KEYS}
    items["loss"] = {"anyOf": [items["loss"], TERMS]}
    items["optimizer"] = {"anyOf": [items["optimizer"], {"type": "null"}]}  # of boosted models
    plugins = {key: {"anyOf": [{**values, "items": each}, nested]} for key, each in items.items()}
    lists = {"type": "object", "properties": plugins, "additionalProperties": {"anyOf": [values, nested]}}
    distribution = {"type": "object", "properties": dict.fromkeys(DISTRIBUTIONS, values)}
    distributions = {"type": "object", "additionalProperties": distribution}
    sections: Schema = {name: {**(distributions if name == "draw" else lists), **names} for name in SECTIONS}
    pruners: list[Schema] = [
        {**mapping(parameters, {"name": {"const": name}}), "required": ["name"]} for name, parameters in PRUNERS.items()
    ]
    sections[PRUNER] = {"anyOf": [{"enum": [*PRUNERS]}, *pruners, {"type": "null"}]}
    return mapping(SWEEP_PARAMETERS, sections)


def plugin_schema(registry: Any, settings: Iterable[Parameter], *, partial: bool = False) -> Schema:
    """The schema of a key that chooses a plugin: an installed name, or a mapping with a name and its parameters."""
    settings = list(settings)
    bare_names, mappings = [], []
    every: dict[str, Schema] = {}
    for offer, component in usable(registry):
        parameters = {parameter.name: plugin_parameter_schema(parameter) for parameter in component.parameters}
        every |= parameters
        required = [parameter.name for parameter in component.parameters if parameter.required]
        name = name_schema(registry, offer)
        found = mapping(settings, {"name": name, **parameters})
        mappings.append({**found, "description": component.summary, "required": ["name", *required * (not partial)]})
        if not required or partial:
            bare_names.append(name)
    without_name = [mapping(settings, every)] if partial else []
    return {"anyOf": [{"anyOf": bare_names}, *mappings, *without_name]}


def name_schema(registry: Any, offer: Offer[Any]) -> Schema:
    """The schema of a plugin's name: the name that editors complete, and a pattern of all that the registry accepts."""
    letters = "_*".join(f"[{letter.lower()}{letter.upper()}]" for letter in normalized_name(offer.name))
    completed, prefix = offer.name, f"({offer.distribution}:)?"
    try:
        registry.find(offer.name)
    except AmbiguousName:
        completed, prefix = f"{offer.distribution}:{offer.name}", f"{offer.distribution}:"
    return {"type": "string", "anyOf": [{"const": completed}, {"pattern": f"^{prefix}_*{letters}{LOSS_SUFFIX}"}]}


def mapping(parameters: Iterable[Parameter], keys: Schema | None = None) -> Schema:
    """The schema of a mapping with some parameters, other keys, and nothing else."""
    keys = {**(keys or {}), **{parameter.name: parameter_schema(parameter) for parameter in parameters}}
    return {"type": "object", "properties": keys, "additionalProperties": False}


def plugin_parameter_schema(parameter: Parameter) -> Schema:
    """The schema of a plugin's parameter; some numbers of a loss may also be arrays."""
    found = parameter_schema(parameter)
    if parameter.accepts_array:
        row = {"type": "array", "items": {"anyOf": found["anyOf"]}, "minItems": 1}
        found["anyOf"] = [*found["anyOf"], {**row, "items": {"anyOf": [*found["anyOf"], row]}}]
    return found


def parameter_schema(parameter: Parameter) -> Schema:
    """The schema of a parameter: the allowed values and the default, for which null stands too."""
    found: Schema = {"anyOf": [annotation_schema(parameter.annotation)], "description": parameter.description}
    if not parameter.required:
        found["anyOf"].append({"type": "null"})
        # inf and nan are left out, which JSON does not have.
        found |= {} if parameter.default in (inf, -inf) else {"default": parameter.default}
    return found


def annotation_schema(annotation: Any) -> Schema:  # noqa: PLR0911  a return for each kind of annotation
    """The schema of what an annotation allows."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if row_axis_of(annotation) is not None:
        return {"anyOf": [annotation_schema(get_args(arguments[0])[0]), annotation_schema(arguments[0])]}
    if named_functions(annotation):
        return {"enum": [*named_functions(annotation)]}
    if origin is Annotated:
        domain = domain_of(annotation)
        return {**annotation_schema(arguments[0]), **(LIMITS.get(domain, {}) if domain else {})}
    if origin in UNION:
        return {"anyOf": [annotation_schema(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in SEQUENCES:
        return {"type": "array", "items": annotation_schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": annotation_schema(arguments[1])}
    return {"type": SCALARS[annotation]}
