"""Networks: their shapes, initial values and derivatives, and that a step allocates nothing."""

import tracemalloc

import numpy as np
import pytest

import lossreg
from lossreg import InvalidParameter
from lossreg.errors import InvalidDefinition
from lossreg.experiment.network.sequential import ACTIVATIONS
from lossreg.plugin import Dense, Sequential
from lossreg.registry.registries import models


def build(name, inputs, outputs, seed=0, **parameters):
    component = models.get(name)
    return component.function(inputs, outputs, np.random.default_rng(seed), **component.bind(parameters))


def deep(activation, last=None):
    """A network in float64, whose derivatives can be compared with differences."""
    layers = [Dense(5, 7, activation), Dense(7, 6, activation), Dense(6, 3, last)]
    return Sequential(layers, np.random.default_rng(1), np.float64)


@pytest.mark.parametrize("last", [None, *ACTIVATIONS])
@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
def test_gradients_agree_with_differences(activation, last):
    network = deep(activation, last)
    random = np.random.default_rng(2)
    inputs, direction = random.normal(size=(4, 5)), random.normal(size=(4, 3))
    network.forward(inputs)
    network.backward(direction.copy())
    grads = network.grads.copy()
    numerical = np.empty_like(grads)
    for index in range(len(grads)):
        ends = []
        for shift in (1e-6, -1e-6):
            network.weights[index] += shift
            ends.append((network.forward(inputs) * direction).sum())
            network.weights[index] -= shift
        numerical[index] = (ends[0] - ends[1]) / 2e-6
    assert np.abs(numerical).max() > 0.01
    np.testing.assert_allclose(grads, numerical, atol=1e-8)


def test_the_linear_model_is_its_formula():
    network = build("linear", 4, 2)
    inputs = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    weight, bias = network.named["0.weight"], network.named["0.bias"]
    assert (weight.shape, bias.shape) == ((2, 4), (2,))
    np.testing.assert_allclose(network.forward(inputs), inputs @ weight.T + bias, rtol=1e-6)


@pytest.mark.parametrize(("activation", "function"), [("relu", lambda x: x.clip(0)), ("tanh", np.tanh)])
def test_the_mlp_is_its_formula(activation, function):
    network = build("mlp", 4, 2, hidden=[5, 3], activation=activation)
    values = inputs = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    for index in range(3):
        values = values @ network.named[f"{index}.weight"].T + network.named[f"{index}.bias"]
        values = function(values) if index < 2 else values
    np.testing.assert_allclose(network.forward(inputs), values, rtol=1e-5)


def dense(network, values, *activations):
    """What the dense layers of a network give, written out."""
    for index, function in enumerate(activations):
        values = values @ network.named[f"{index}.weight"].T + network.named[f"{index}.bias"]
        values = values.clip(0) if function else values
    return values


INPUTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_a_model_says_what_it_needs_by_name():
    def narrow(inputs: int, random: object, *, code: int = 2) -> object: ...

    assert tuple(lossreg.plugin.model(narrow).supplied) == ("inputs", "random")

    def odd(inputs: int, width: int) -> object: ...

    with pytest.raises(
        InvalidDefinition, match="odd: a model is given criterion, inputs, outputs, random; 'width' is a parameter"
    ):
        lossreg.plugin.model(odd)


def test_the_siamese_model_gives_embeddings():
    network = models.get("siamese").function(4, np.random.default_rng(0), hidden=(5,), embedding=3, activation="relu")
    np.testing.assert_allclose(network.forward(INPUTS), dense(network, INPUTS, True, False), rtol=1e-5)


def test_the_autoencoder_goes_through_its_code_and_back():
    network = models.get("autoencoder").function(4, np.random.default_rng(0), hidden=(7, 5), code=2, activation="relu")
    shapes = [network.named[f"{index}.weight"].shape for index in range(6)]
    assert shapes == [(7, 4), (5, 7), (2, 5), (5, 2), (7, 5), (4, 7)]
    expected = dense(network, INPUTS, True, True, False, True, True, False)
    np.testing.assert_allclose(network.forward(INPUTS), expected, rtol=1e-4, atol=1e-6)


def test_mean_and_variance_begin_with_one_variance_for_all_rows():
    network = build("mean_variance", 4, 6, hidden=[5])
    outputs = network.forward(INPUTS)
    assert not outputs[:, 3:].any()
    assert len(np.unique(outputs[:, :3])) == 18
    with pytest.raises(
        InvalidParameter, match="predicts a mean and a variance for each target, but the loss takes 3 predictions"
    ):
        build("mean_variance", 4, 3)


def test_sigmoid_neither_overflows_nor_differs():
    network = Sequential([Dense(1, 1, "sigmoid")], np.random.default_rng(0), np.float64)
    network.weights[:] = 1, 0
    inputs = np.array([[-1e4], [-3.0], [0.0], [2.0], [1e4]])
    expected = [0, 1 / (1 + np.exp(3.0)), 0.5, 1 / (1 + np.exp(-2.0)), 1]
    np.testing.assert_allclose(network.forward(inputs)[:, 0], expected, atol=1e-16)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_activation_makes_a_number_of_what_is_none(activation):
    network = deep(activation, activation)
    inputs = np.ones((2, 5))
    inputs[1, 2] = np.nan
    outputs = network.forward(inputs)
    assert np.isfinite(outputs[0]).all()
    assert np.isnan(outputs[1]).all()


@pytest.mark.parametrize(("activation", "function"), [("tanh", np.tanh), ("sigmoid", lambda x: 1 / (1 + np.exp(-x)))])
def test_activations_keep_their_digits_where_they_are_small_and_where_they_level_off(activation, function):
    network = Sequential([Dense(1, 1, activation)], np.random.default_rng(0), np.float64)
    network.weights[:] = 1, 0
    inputs = np.concatenate([-np.logspace(-12, 1.5, 100), np.logspace(-12, 1.5, 100)])[:, np.newaxis]
    np.testing.assert_allclose(network.forward(inputs), function(inputs), rtol=2e-15)


def test_an_mlp_with_nothing_hidden_is_the_linear_model():
    assert np.array_equal(build("mlp", 4, 2, hidden=[]).weights, build("linear", 4, 2).weights)


def test_initial_values_are_uniform_within_one_over_the_root_of_the_inputs():
    network = build("mlp", 100, 50, hidden=[400])
    for name, view in network.named.items():
        bound = 0.1 if name.startswith("0") else 0.05
        assert bound * 0.9 < np.abs(view).max() <= bound
        if view.size > 1000:
            assert abs(view.std() / (bound / 3**0.5) - 1) < 0.02
    assert not np.array_equal(network.weights, build("mlp", 100, 50, seed=1, hidden=[400]).weights)


def test_the_named_views_are_all_of_the_flat_weights():
    network = build("mlp", 4, 2, hidden=[3])
    assert network.weights.dtype == np.float32
    assert sum(view.size for view in network.named.values()) == len(network.weights) == len(network.grads)
    network.weights[:] = np.arange(len(network.weights))
    assert np.array_equal(np.concatenate([view.ravel() for view in network.named.values()]), network.weights)
    assert list(network.named) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_batches_of_several_sizes_do_not_disturb_one_another():
    network = build("mlp", 4, 2)
    inputs = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    grad = np.ones((8, 2), np.float32)
    network.forward(inputs)
    network.backward(grad)
    whole = network.grads.copy()
    parts = np.zeros_like(whole)
    for rows in (slice(0, 5), slice(5, 8)):
        network.forward(inputs[rows])
        network.backward(grad[rows])
        parts += network.grads
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)


def test_a_step_allocates_no_array():
    network = build("mlp", 64, 8, hidden=[128])
    inputs, grad = np.ones((4096, 64), np.float32), np.ones((4096, 8), np.float32)
    for _ in range(2):
        network.forward(inputs)
        network.backward(grad)
    tracemalloc.start()
    network.forward(inputs)
    network.backward(grad)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000  # numpy's iterators take 33 kB, whatever the size; the smallest array of a batch has 131 kB
