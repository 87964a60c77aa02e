"""The bridge to JAX: derivatives and transformations, against optax and against the criterion itself."""

import jax
import numpy as np
import optax
import pytest
from jax import numpy as jnp

import lossreg
from lossreg.bridges import jax_calls
from lossreg.bridges.jax import loss
from lossreg.errors import InvalidInput, InvalidParameter

RANDOM = np.random.default_rng(2)


def real(*shape):
    return jnp.asarray(RANDOM.normal(size=shape).astype(np.float32))


LOGITS, LABELS = real(16, 5), jnp.asarray(RANDOM.integers(0, 5, 16), jnp.int32)
UNIT = jnp.asarray(RANDOM.random((16, 5)).astype(np.float32))
PEERS = {
    "cross_entropy": (lambda x, y: optax.softmax_cross_entropy_with_integer_labels(x, y).mean(), LABELS),
    "bce_with_logits": (lambda x, y: optax.sigmoid_binary_cross_entropy(x, y).mean(), UNIT),
    "huber": (lambda x, y: optax.huber_loss(x, y).mean(), UNIT),
    "mse": (lambda x, y: optax.squared_error(x, y).mean(), UNIT),
}


@pytest.fixture(params=["native", "callback"])
def way(request, monkeypatch):
    """Both kinds of calls: XLA's custom call, and a host callback."""
    if request.param == "callback":
        monkeypatch.setattr(jax_calls, "native", lambda: False)
    jax.clear_caches()
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PEERS)
def test_value_and_gradient(name):
    peer, target = PEERS[name]
    value, grad = jax.jit(jax.value_and_grad(loss(name)))(LOGITS, target)
    expected, slope = jax.value_and_grad(peer)(LOGITS, target)
    assert value.dtype == grad.dtype == jnp.float32
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(grad, slope, rtol=1e-5, atol=1e-7)


def test_the_custom_call_is_used():
    assert jax_calls.native()
    assert jax_calls.TARGET in jax.jit(loss("mse")).lower(UNIT, UNIT).as_text()


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_compiled_handler_needs_no_python(name, reduction, monkeypatch):
    target = PEERS[name][1]
    target = target.at[2].set(-100) if name == "cross_entropy" else target
    function = loss(name, reduction=reduction)
    compiled = jax.jit(jax.value_and_grad(function) if reduction == "mean" else function)
    monkeypatch.setattr(jax_calls.Evaluation, "run", lambda *_: pytest.fail("Python is called"))
    found = jax.tree.map(np.asarray, compiled(LOGITS, target))
    criterion = lossreg.create(name, reduction=reduction)
    call = criterion.value_and_grad if reduction == "mean" else criterion
    expected = call(np.asarray(LOGITS), np.asarray(target))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_what_a_compiled_handler_leaves_over_is_computed_in_python():
    no_label_counts = jnp.full_like(LABELS, -100)
    value, grad = jax.jit(jax.value_and_grad(loss("cross_entropy")))(LOGITS, no_label_counts)
    assert (value, abs(grad).max()) == (0, 0)
    assert jax.jit(loss("mse"))(LOGITS * 1e30, UNIT) == np.inf
    weighted = jax.jit(loss("cross_entropy", weight=[1.0, 2.0, 3.0, 4.0, 5.0]))(LOGITS, LABELS)
    expected = lossreg.create("cross_entropy", weight=[1.0, 2.0, 3.0, 4.0, 5.0])(np.asarray(LOGITS), np.asarray(LABELS))
    np.testing.assert_array_equal(weighted, expected)


@pytest.mark.usefixtures("way")
def test_reduction_none_with_weights_and_masks():
    each, weight = loss("cross_entropy", reduction="none"), jnp.linspace(0.0, 1.0, 16)
    where, upstream = LABELS != 2, jnp.linspace(-1.0, 2.0, 16)
    criterion = lossreg.create("cross_entropy", reduction="none")
    options = {"sample_weight": np.asarray(weight), "where": np.asarray(where)}
    np.testing.assert_array_equal(
        each(LOGITS, LABELS, sample_weight=weight, where=where), criterion(LOGITS, LABELS, **options)
    )

    def total(x):
        return (each(x, LABELS, sample_weight=weight, where=where) * upstream).sum()

    options["sample_weight"] = options["sample_weight"] * np.asarray(upstream)
    np.testing.assert_allclose(jax.grad(total)(LOGITS), criterion.grad(LOGITS, LABELS, **options), rtol=1e-6)


@pytest.mark.usefixtures("way")
def test_vmap_scan_and_remat():
    huber, x, y = loss("huber"), real(4, 3, 2), real(4, 3, 2)
    apart = jnp.stack([jax.grad(huber)(a, b) for a, b in zip(x, y, strict=True)])
    np.testing.assert_array_equal(jax.vmap(jax.grad(huber))(x, y), apart)
    np.testing.assert_array_equal(jax.jit(jax.vmap(huber, (0, None)))(x, y[1])[2], huber(x[2], y[1]))
    _, scanned = jax.lax.scan(lambda carry, pair: (carry, jax.grad(huber)(*pair)), 0.0, (x, y))
    np.testing.assert_array_equal(scanned, apart)
    np.testing.assert_array_equal(jax.grad(jax.checkpoint(huber))(x[0], y[0]), apart[0])


def test_a_batch_kernel():
    probabilities = jax.nn.log_softmax(real(5, 2, 4))
    arrays = probabilities, jnp.array([[1, 2], [3, 1]]), jnp.array([5, 4]), jnp.array([2, 1])
    value, grad = jax.jit(jax.value_and_grad(loss("ctc")))(*arrays)
    expected, slope = lossreg.create("ctc").value_and_grad(*map(np.asarray, arrays))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(grad, slope, rtol=1e-6, atol=1e-7)


def test_targets_and_shared_inputs_get_gradients():
    by_target = jax.grad(loss("mse"), argnums=1)(LOGITS, UNIT)
    np.testing.assert_allclose(by_target, -jax.grad(loss("mse"))(LOGITS, UNIT), rtol=1e-6)
    value, variance = loss("gaussian_nll"), jnp.float32(0.5)
    grad = jax.grad(lambda v: value(LOGITS, UNIT, v))(variance)
    np.testing.assert_allclose(
        grad,
        lossreg.create("gaussian_nll").grad(*map(np.asarray, (LOGITS, UNIT, variance)), wrt=["variance"]),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("derivative", "message"),
    [
        (
            lambda: jax.grad(loss("hinge_embedding"), argnums=1)(UNIT, jnp.ones_like(UNIT)),
            "among prediction; got",
        ),
        (lambda: jax.grad(lambda w: loss("mse")(UNIT[:, 0], UNIT[:, 0], sample_weight=w))(UNIT[:, 1]), "sample_weight"),
    ],
)
def test_a_derivative_that_does_not_exist_is_an_error_rather_than_0(derivative, message):
    with pytest.raises(InvalidParameter, match=message):
        derivative()


def test_second_derivatives_are_refused():
    huber = loss("huber")
    with pytest.raises(ValueError, match="cannot be differentiated"):
        jax.grad(lambda x: jax.grad(huber)(x, UNIT).sum())(LOGITS)


@pytest.mark.parametrize(
    ("name", "reduction", "given"),
    [
        ("cross_entropy", "mean", {"sample_weight", "where", "ignored"}),
        ("cross_entropy", "sum", {"sample_weight", "weight"}),
        ("cross_entropy", "mean", {"sample_weight", "ignored", "weight"}),
        ("huber", "mean", {"where"}),
        ("huber", "none", {"sample_weight", "where"}),
    ],
)
def test_weights_and_masks_need_no_python_and_change_no_bit(name, reduction, given, monkeypatch):
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(64, 10)).astype(np.float32), random.integers(0, 10, 64).astype(np.int32)
    labels[::5] = -100 if "ignored" in given else labels[::5]
    target, shape = (labels, (64,)) if name == "cross_entropy" else (logits[::-1].copy(), (64, 10))
    options = {"sample_weight": random.random(shape).astype(np.float32), "where": random.random(shape) < 0.7}
    options = {key: x for key, x in options.items() if key in given}
    parameters = {"weight": random.random(10).tolist()} if "weight" in given else {}
    call = loss(name, reduction=reduction, **parameters)
    criterion = lossreg.create(name, reduction=reduction, **parameters)
    expected = criterion.value_and_grad(logits, target, **options)
    with monkeypatch.context() as patch:
        patch.setattr(jax_calls.Evaluation, "run", lambda *_: pytest.fail("a call went through Python"))
        np.testing.assert_array_equal(jax.jit(call)(logits, target, **options), expected[0])
        grad = jax.jit(jax.grad(lambda x: call(x, target, **options).sum()))(logits)
    np.testing.assert_array_equal(grad, expected[1])
    if "sample_weight" in given and reduction == "mean":
        options["sample_weight"][:] = -1
        with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match="expected a sample_weight with a sum"):
            jax.jit(call)(logits, target, **options).block_until_ready()


def test_numbers_outside_their_domain_are_an_error_with_the_message_of_the_loss():
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"cross_entropy: expected label a class .* got 7 at \[3\]"):
        jax.jit(loss("cross_entropy"))(LOGITS, LABELS.at[3].set(7)).block_until_ready()
    with pytest.raises(InvalidInput, match=r"expected label of shape \(16,\)"):
        loss("cross_entropy")(LOGITS, LABELS[:3])


def test_types():
    for kind in (jnp.float16, jnp.bfloat16):
        value, grad = jax.value_and_grad(loss("mse"))(LOGITS.astype(kind), UNIT)
        assert (value.dtype, grad.dtype) == (jnp.float32, kind)
        assert loss("mse")(LOGITS.astype(kind), UNIT.astype(kind)).dtype == kind
    with jax.enable_x64(True):
        x = jnp.asarray(np.asarray(LOGITS, np.float64))
        value, grad = jax.jit(jax.value_and_grad(loss("cross_entropy")))(x, LABELS)
        assert value.dtype == grad.dtype == jnp.float64
        expected, slope = lossreg.create("cross_entropy").value_and_grad(np.asarray(x), np.asarray(LABELS))
        np.testing.assert_array_equal(value, expected)
        np.testing.assert_array_equal(grad, slope)


def trained(function, steps=200):
    """The weights of a network of two layers after some steps."""
    random = np.random.default_rng(0)
    weights = [jnp.asarray(random.normal(size=s).astype(np.float32) / 20) for s in ((64, 32), (32, 5))]
    x = jnp.asarray(random.normal(size=(4, 16, 64)).astype(np.float32))

    @jax.jit
    def step(weights, x):
        def total(weights):
            return function(jnp.tanh(x @ weights[0]) @ weights[1])

        return [w - 0.1 * g for w, g in zip(weights, jax.grad(total)(weights), strict=True)]

    for at in range(steps):
        weights = step(weights, x[at % 4])
    return weights


@pytest.mark.parametrize("name", PEERS)
def test_training_gives_the_weights_that_it_gives_with_optax(name):
    peer, target = PEERS[name]
    ours, theirs = trained(lambda z: loss(name)(z, target)), trained(lambda z: peer(z, target))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


def test_another_interface_is_a_warning(monkeypatch):
    monkeypatch.setattr(jax_calls, "header", lambda: "")
    jax_calls.native.cache_clear()
    with pytest.warns(RuntimeWarning, match="another foreign function interface"):
        assert not jax_calls.native()
    jax_calls.native.cache_clear()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("reduction", ["top_k", {"name": "tilted", "tilt": 2.0}])
def test_reductions_that_are_plugins(reduction):
    weight = jnp.arange(16, dtype=jnp.float32)
    call = jax.jit(jax.value_and_grad(loss("cross_entropy", reduction=reduction)))
    found = jax.tree.map(np.asarray, call(LOGITS, LABELS, sample_weight=weight))
    criterion = lossreg.create("cross_entropy", reduction=reduction)
    expected = criterion.value_and_grad(*map(np.asarray, (LOGITS, LABELS)), sample_weight=np.asarray(weight))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
