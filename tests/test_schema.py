"""The schema of configs: it takes what configs take, and refuses what they refuse."""

import json
from pathlib import Path

import jsonschema
import pytest

from lossreg import InvalidConfig
from lossreg.definition.domains import INCREASING_INTEGERS
from lossreg.definition.parameters import Parameter
from lossreg.experiment.config.json_schema import LIMITS, annotation_schema, schema
from lossreg.experiment.config.keys import PLUGIN_KEYS
from lossreg.experiment.config.run_config import load
from lossreg.experiment.config.yaml_document import Document

SCHEMA = json.loads(json.dumps(schema(), allow_nan=False))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GOOD = {"data": "iris", "model": "linear", "optimizer": "sgd", "loss": "huber"}
VALUES = [-3, -1, -0.5, 0, 0.25, 1, 2, 2.5, True, None, "relu", "", [], [1, 2], [0.5, "x"], [[1.0], [2.0]], {"a": 1}]


@pytest.mark.slow  # 4 s of processor time
def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[1].glob("configs/**/*.yaml")), ids=lambda path: path.stem
)
def test_every_config_is_valid_and_a_typo_is_not(path):
    content = Document.read(path).content
    assert VALIDATOR.is_valid(content)
    for noun, value in content.items():
        assert not VALIDATOR.is_valid({**content, f"{noun}x": value})
        if isinstance(value, dict):
            for key in value:
                misspelt = {f"{name}x" if name == key else name: entry for name, entry in value.items()}
                assert not VALIDATOR.is_valid({**content, noun: misspelt}), f"{noun}.{key}x"


@pytest.mark.slow  # 4 s of processor time
@pytest.mark.parametrize(
    "noun", [pytest.param(noun, marks=[pytest.mark.slow] * (noun == "loss")) for noun in PLUGIN_KEYS]
)
def test_it_agrees_with_the_check_of_every_parameter(noun):
    registry = PLUGIN_KEYS[noun]
    for name in registry.names():
        component = registry.get(name)
        required = {parameter.name: "x" for parameter in component.parameters if parameter.required}
        for parameter in component.parameters:
            for value in VALUES:
                content = {**GOOD, noun: {"name": name, **required, parameter.name: value}}
                if noun == "model" and component.boosted:
                    del content["optimizer"]
                try:
                    load(content)
                    accepted = True
                except InvalidConfig:
                    accepted = False
                valid = VALIDATOR.is_valid(content)
                # The schema knows the limits of the built-in domains, and not those of a plugin's own.
                is_known = parameter.domain is None or not parameter.domain.bounded or parameter.domain in LIMITS
                assert (valid == accepted) if is_known else (valid or not accepted), f"{name}.{parameter.name}: {value}"


@pytest.mark.parametrize("domain", [domain for domain in LIMITS if domain is not INCREASING_INTEGERS], ids=str)
def test_limits_are_those_of_the_domain(domain):
    validator = jsonschema.Draft202012Validator({"type": "number", **LIMITS[domain]})
    for number in (-2, -1, -1e-9, 0, 1e-9, 0.5, 1 - 1e-9, 1, 1 + 1e-9, 2):
        assert validator.is_valid(number) == bool(domain.contains(number)), number


@pytest.mark.parametrize("name", ["huber", "HuberLoss", "lossreg:huber", "HUBER", "hubr", "hubers", "other:huber"])
def test_names_go_as_the_registry_takes_them(name):
    for form in (name, {"name": name}):
        try:
            load({**GOOD, "loss": form})
            accepted = True
        except InvalidConfig:
            accepted = False
        assert VALIDATOR.is_valid({**GOOD, "loss": form}) == accepted


def test_what_is_missing_may_be_in_what_is_extended():
    for part in ({"loss": "huber"}, {**GOOD, "optimizer": {"lr": 0.1}}, {**GOOD, "data": "csv"}):
        assert not VALIDATOR.is_valid(part)
        assert VALIDATOR.is_valid({"extends": "base.yaml", **part})
    assert not VALIDATOR.is_valid({"extends": "base.yaml", "optimizer": {"lrr": 0.1}})


@pytest.mark.parametrize(
    ("sweep", "is_valid"),
    [
        ({"repeats": 3, "metric": "test_r2", "goal": "max"}, True),
        (
            {"grid": {"loss": ["mse", {"name": "huber", "delta": 2}], "optimizer.lr": [0.1], "optimizer": {"lr": [1]}}},
            True,
        ),
        ({"draw": {"optimizer.lr": {"log_uniform": [0.1, 1]}}, "trials": 3, "method": "optuna"}, True),
        ({"grid": {"loss": ["hubber"]}}, False),
        ({"grid": {"loss": [{"name": "huber", "detla": 2}]}}, False),
        ({"grid": {"loss": []}}, False),
        ({"grid": {"optimzer.lr": [0.1]}}, False),
        ({"zip": {"seed": 3}}, False),
        ({"draw": {"optimizer.lr": [0.1, 1]}}, False),
        ({"draw": {"loss": {"choice": "mse"}}}, False),
        ({"method": "grid"}, False),
        ({"trails": 3}, False),
        ([1], False),
    ],
)
def test_a_sweep_has_keys_with_values_or_distributions(sweep, is_valid):
    content = {key: value for key, value in GOOD.items() if key != "loss"} | {"sweep": sweep}
    assert VALIDATOR.is_valid(content) == is_valid
    assert not VALIDATOR.is_valid({**content, "modle": "linear"})


def test_a_parameter_that_is_required_has_no_default():
    assert annotation_schema(str) == {"type": "string"}
    found = SCHEMA["$defs"]["complete"]["properties"]["train"]["anyOf"][0]["properties"]["batch_size"]
    assert found == {
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
        "description": Parameter("batch_size", int).allowed + ", 1 or above",
        "default": 32,
    }
