"""The names of other libraries: they are found, listed, and explained beside the loss."""

import sys

import pytest
from project import ENTRY_POINTS, ROOT

import lossreg
from lossreg.commands.plugins.list import in_library
from lossreg.errors import AmbiguousName, InvalidInput
from lossreg.registry.registries import ALIASES, libraries, losses, metrics, problems

sys.path[:0] = [str(ROOT / "experiments" / "differences")]

import libraries as libraries_compared  # noqa: E402  a script

CASES = libraries_compared.LIBRARY_CASES
GROUPS = {group.removeprefix(ALIASES): names for group, names in ENTRY_POINTS.items() if group.startswith(ALIASES)}
CALLED = {
    "catboost": "CatBoost",
    "coral_pytorch": "coral-pytorch",
    "keras": "Keras",
    "lightgbm": "LightGBM",
    "monai": "MONAI",
    "optax": "optax",
    "papers": "papers",
    "pytorch_metric_learning": "pytorch-metric-learning",
    "segmentation_models": "segmentation_models.pytorch",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "torchvision": "torchvision",
    "xgboost": "XGBoost",
}


def test_the_libraries_are_those_of_the_groups():
    assert libraries() == sorted(GROUPS) == sorted(CALLED)
    assert problems([losses]) == []


@pytest.mark.parametrize("library", GROUPS)
def test_every_alias_is_that_of_a_loss_or_a_metric(library):
    modules = {
        module: registry
        for group, registry in (("lossreg.losses", losses), ("lossreg.metrics", metrics))
        for module in ENTRY_POINTS[group].values()
    }
    for alias, module in GROUPS[library].items():
        assert module in modules, f"{alias} names {module}, which is neither a loss nor a metric"
        registry = modules[module]
        assert alias in registry.aliases(registry.find(module.rpartition(".")[2]), library)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pinball_loss", "quantile"),
        ("binary_focal_crossentropy", "focal"),
        ("BinaryFocalCrossentropy", "focal"),
        ("reg:tweedie", "tweedie"),
        ("survival:aft", "aft"),
        ("mae", "l1"),
        ("RMSE", "mse"),
        ("poly_loss_cross_entropy", "poly1"),
        ("hinge_loss", "hinge"),
        ("focal_tversky", "tversky"),
        ("NTXentLoss", "nt_xent"),
    ],
)
def test_a_loss_is_found_by_the_name_of_another_library(name, found):
    assert losses.find(name).name == found
    assert lossreg.create(name).loss.name == found


def test_a_name_that_two_libraries_have_for_two_losses_is_ambiguous():
    with pytest.raises(AmbiguousName, match="choose one with 'lossreg:bce' or 'lossreg:bce_with_logits'"):
        losses.find("binary_cross_entropy")


def test_a_name_of_ours_comes_before_those_of_others():
    assert losses.find("cross_entropy").name == "cross_entropy"  # LightGBM's is bce_with_logits


def test_an_unknown_library_has_the_nearest_suggested():
    with pytest.raises(InvalidInput, match="did you mean 'keras'"):
        in_library([], "kears")


def test_the_document_has_the_recorded_differences():
    text = (ROOT / "docs" / "libraries.md").read_text("utf-8")
    assert libraries_compared.table(libraries_compared.recorded()) in text
    assert [row["case"] for row in libraries_compared.recorded()["cases"]] == [case.words for case in CASES]
    assert all(row["theirs"] != row["ours"] for row in libraries_compared.recorded()["cases"])


@pytest.mark.losses
@pytest.mark.parametrize(
    ("case", "row"),
    list(zip(CASES, libraries_compared.recorded()["cases"], strict=False)),
    ids=lambda x: getattr(x, "words", ""),
)
def test_lossreg_still_prints_what_the_document_says(case, row):
    assert libraries_compared.ours(case) == row["ours"]
