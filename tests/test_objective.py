"""Objectives: the gradient that reaches a network, through links, of every loss."""

import numpy as np
import pytest
from catalogue import CATALOGUE

from lossreg.definition import domains
from lossreg.definition.domains import DISSIMILARITY, LOG_PROBABILITY, NON_NEGATIVE, PROBABILITY, UNIT, Domain
from lossreg.experiment.task.requirements import requirements_of
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.objective import Objective
from lossreg.registry.registries import losses

RANDOM = np.random.default_rng(3)
COUNT, WIDTH = 5, 3
SIDES = np.where(RANDOM.random(COUNT) > 0.5, 1.0, -1.0)
BESIDE = {"event": np.array([1.0, 0.0, 1.0, 1.0, 0.0])}
"""What the data have beside the targets, for the losses that take it."""
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same numbers, whichever tests run before it."""
    RANDOM.bit_generator.state = START


def width_of(requirements):
    """The numbers of a prediction: as many as its kernel takes, if that is fixed."""
    fixed = requirements.predictions[0].width
    return int(fixed) if fixed.isdigit() else WIDTH


def targets_of(requirements):
    """Targets of a task, as the runner makes them."""
    by_row, width = requirements.predictions[0].axis is not None, width_of(requirements)
    one_number = by_row and requirements.target is not None and requirements.target.axis is None
    shares = RANDOM.random((COUNT, WIDTH))
    made = {
        Task.REGRESSION: RANDOM.poisson(3, COUNT if one_number else (COUNT, width)).astype(float),
        Task.BINARY: RANDOM.integers(0, 2, (COUNT, WIDTH)).astype(float),
        Task.SIGNED_BINARY: np.sign(RANDOM.normal(size=(COUNT, WIDTH))),
        Task.CLASSIFICATION: RANDOM.integers(0, WIDTH, COUNT),
        Task.MULTILABEL: RANDOM.integers(0, 2, (COUNT, WIDTH)).astype(float),
        Task.DISTRIBUTION: shares / shares.sum(axis=1, keepdims=True),
        Task.RANKING: SIDES[:, np.newaxis],
        Task.PAIRS: SIDES if by_row else SIDES[:, np.newaxis],
        Task.TRIPLETS: SIDES,
        Task.SURVIVAL: RANDOM.uniform(0.5, 3, (COUNT, 1)),
    }[requirements.task]
    if requirements.target and requirements.target.domain.integer and requirements.task is Task.MULTILABEL:
        return np.array([[0, 2, -1], [1, -1, -1], [-1, -1, -1], [2, 1, 0], [2, -1, -1]])
    return np.log(made) if requirements.log_target else made


# The slopes of beta_nll are those of the value only where the weight v^beta is 1; mape of a target of 0 is too large.
SETTINGS = {"beta_nll": {"beta": 0.0}, "mape": {"eps": 0.5}}
# Batches are trained in tests/test_third_party.py: they have groups and learned inputs too. Random boxes do not
# overlap, and iou has no slope then; giou is the same kernel.
BY_SAMPLE = [name for name in losses.names() if not losses.get(name).forms[0].by_batch and name != "iou"]
CASES = [(name, SETTINGS.get(name, {})) for name in BY_SAMPLE if requirements_of(losses.get(name))]
CASES += [("poisson_nll", {"log_input": False}), ("kl_div", {"log_target": True})]


@pytest.mark.losses
@pytest.mark.parametrize(
    ("name", "parameters"),
    # 40 s of processor time for all; those of PyTorch's losses are compiled by many tests.
    [pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in CATALOGUE)) for case in CASES],
)
def test_the_gradient_of_the_outputs_agrees_with_differences(name, parameters):
    loss = losses.get(name)
    requirements = requirements_of(loss, parameters)
    objective = Objective(loss, "mean", parameters, requirements)
    width = (
        1
        if requirements.task in {Task.RANKING, Task.SURVIVAL}
        else width_of(requirements) * requirements.predictions_per_row
    )
    outputs, targets = RANDOM.normal(size=(COUNT * requirements.task.rows, width)), targets_of(requirements)
    grad = np.full_like(outputs, np.nan)
    value, out = objective.value_and_grad(outputs, targets, BESIDE, out=grad)
    assert out is grad
    assert value == pytest.approx(float(objective(outputs, targets, BESIDE)))
    numerical = np.empty_like(outputs)
    for at in np.ndindex(outputs.shape):
        ends = []
        for shift in (1e-6, -1e-6):
            moved = outputs.copy()
            moved[at] += shift
            ends.append(float(objective(moved, targets, BESIDE)))
        numerical[at] = (ends[0] - ends[1]) / 2e-6
    assert np.abs(numerical).max() > 1e-3
    np.testing.assert_allclose(grad, numerical, atol=1e-7)


def test_parts_of_a_batch_add_up_to_its_gradient():
    loss = losses.get("nll")
    objective = Objective(loss, "mean", {"weight": [1.0, 2.0, 3.0]}, requirements_of(loss))
    outputs, labels = RANDOM.normal(size=(6, 3)), np.array([0, 1, 2, 2, 1, 0])
    whole, parts = np.empty_like(outputs), np.empty_like(outputs)
    objective.value_and_grad(outputs, labels, out=whole)
    divisor = objective.denominator(outputs, labels)
    for rows in (slice(0, 2), slice(2, 6)):
        objective.value_and_grad(outputs[rows], labels[rows], out=parts[rows], denominator=divisor)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.parametrize("domain", [UNIT, NON_NEGATIVE, PROBABILITY, LOG_PROBABILITY])
def test_links_give_numbers_of_their_domain_however_large(domain):
    raw = np.float32([[-1e4, 0, 1e4], [1e4, 1e4, 1e4], [-3, 2, 1]])
    with np.errstate(all="raise", under="ignore"):
        values = domain.inverse_link.apply(raw)
    assert np.isfinite(values).all()
    assert np.asarray(domain.contains(values)).all()
    if domain is PROBABILITY:
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-6)
    if domain is LOG_PROBABILITY:
        np.testing.assert_allclose(np.exp(values).sum(axis=1), 1, rtol=1e-6)


LINKED = [domain for domain in vars(domains).values() if isinstance(domain, Domain) and domain.inverse_link]


@pytest.mark.parametrize("domain", LINKED, ids=str)
def test_the_derivative_of_a_link_agrees_with_differences(domain):
    link = domain.inverse_link
    raw = RANDOM.normal(size=(4, 2, 3) if domain is DISSIMILARITY else (4, 3))
    values = link.apply(raw)
    direction = RANDOM.normal(size=values.shape)
    numerical = np.empty_like(raw)
    for at in np.ndindex(raw.shape):
        step = np.zeros_like(raw)
        step[at] = 1e-6
        numerical[at] = ((link.apply(raw + step) - link.apply(raw - step)) * direction).sum() / 2e-6
    np.testing.assert_allclose(link.differentiate(raw, values, direction), numerical, atol=1e-8)
    if link.link:
        # A number near 0 is found from a value near log 2, of which the last place is 1e-16.
        np.testing.assert_allclose(link.link(values), raw, rtol=1e-12, atol=1e-15)


def test_a_distance_of_nothing_has_no_slope():
    raw, link = np.zeros((2, 2, 3)), DISSIMILARITY.inverse_link
    values = link.apply(raw)
    assert not values.any()
    assert not link.differentiate(raw, values, np.ones((2, 1))).any()
