"""The bridge to PyTorch: gradients of every loss, once and twice, training, compilation, transforms, processes."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import lossreg
from lossreg.bridges import torch_compiled
from lossreg.bridges.torch import Loss
from lossreg.bridges.torch_context import array_of, tensor_of
from lossreg.bridges.torch_functions import OrdinaryCall
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType

ROWS, CLASSES = 6, 4


# PyTorch warns that the mean of its kl_div is not the mathematical one.
pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    torch._dynamo.reset()  # noqa: SLF001  what one test compiles counts towards no other's limit


def real(*shape):
    return torch.randn(*shape, dtype=torch.float64) * 1.3


def unit(*shape):
    return torch.rand(*shape, dtype=torch.float64) * 0.8 + 0.1


def labels():
    return torch.randint(0, CLASSES, (ROWS,))


def signs(*shape):
    return torch.where(torch.rand(*shape) < 0.5, -1.0, 1.0).double()


EACH = (ROWS, CLASSES)
INPUTS = {
    "adaptive_log_softmax": lambda: (real(ROWS, 8), labels(), real(4, 8), real(1, 8), real(1, 1)),
    "bce": lambda: (unit(*EACH), unit(*EACH)),
    "bce_with_logits": lambda: (real(*EACH), unit(*EACH)),
    "cosine_embedding": lambda: (real(*EACH), real(*EACH), signs(ROWS)),
    "cross_entropy": lambda: (real(*EACH), labels()),
    "ctc": lambda: (real(5, 2, CLASSES), torch.randint(1, 4, (2, 2)), torch.tensor([5, 4]), torch.tensor([2, 1])),
    "gaussian_nll": lambda: (real(*EACH), real(*EACH), unit(*EACH)),
    "hinge_embedding": lambda: (unit(*EACH) * 3, signs(*EACH)),
    "huber": lambda: (real(*EACH), real(*EACH)),
    "kl_div": lambda: (unit(*EACH).log(), unit(*EACH)),
    "l1": lambda: (real(*EACH), real(*EACH)),
    "linear_cross_entropy": lambda: (real(ROWS, 3), real(CLASSES, 3), labels(), real(CLASSES)),
    "margin_ranking": lambda: (real(*EACH), real(*EACH), signs(*EACH)),
    "mse": lambda: (real(*EACH), real(*EACH)),
    "multi_margin": lambda: (real(*EACH), labels()),
    "multilabel_margin": lambda: (real(*EACH), torch.tensor([[3, 0, -1, 1]] * ROWS)),
    "multilabel_soft_margin": lambda: (real(*EACH), unit(*EACH)),
    "nll": lambda: (unit(*EACH).log(), labels()),
    "poisson_nll": lambda: (real(*EACH), unit(*EACH)),
    "smooth_l1": lambda: (real(*EACH), real(*EACH)),
    "soft_margin": lambda: (real(*EACH), signs(*EACH)),
    "triplet_margin": lambda: (real(*EACH), real(*EACH), real(*EACH)),
    "triplet_margin_with_distance": lambda: (real(*EACH), real(*EACH), real(*EACH)),
}
"""Inputs of every loss, away from kinks."""
PARAMETERS = {"adaptive_log_softmax": {"cutoffs": [3], "div_value": 8.0}, "multi_margin": {"p": 2}}
TWICE = [name for name in INPUTS if lossreg.get(name).hessians]


def prepared(name, reduction="mean", *, twice=False):
    """The module of a loss and its inputs; those that have a gradient, or only the first, require it."""
    loss, tensors = Loss(name, reduction=reduction, **PARAMETERS.get(name, {})), INPUTS[name]()
    names = loss.criterion.plan(*[x.numpy() for x in tensors]).input_names
    slopes = ["features", "logits"] if loss.criterion.loss.forms[0].by_batch else []
    for at, key in enumerate(names):
        graded = any(key in form.slopes for form in loss.criterion.loss.forms) or key in slopes
        if graded and tensors[at].is_floating_point() and not (twice and at):
            tensors[at].requires_grad_()
    return loss, tensors


def with_log_softmax(name, loss):
    """CTC is checked behind log_softmax, as gradcheck perturbs probabilities one by one, PyTorch's too."""
    return (lambda x, *others: loss(x.log_softmax(-1), *others)) if name == "ctc" else loss


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", INPUTS)
def test_gradients_of_every_loss(name, reduction):
    loss, tensors = prepared(name, reduction)
    assert tensors[0].requires_grad
    assert torch.autograd.gradcheck(with_log_softmax(name, loss), tensors)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name, reduction):
    loss, tensors = prepared(name, reduction, twice=True)
    assert torch.autograd.gradgradcheck(loss, tensors)


@pytest.mark.parametrize("name", [name for name in INPUTS if name not in TWICE])
def test_a_loss_without_second_derivatives_is_not_differentiated_twice(name):
    loss, tensors = prepared(name, twice=True)
    (grad,) = torch.autograd.grad(loss(*tensors), tensors[0], create_graph=True)
    with pytest.raises(InvalidParameter, match=f"{name} has no second derivatives"):
        grad.sum().backward()


def test_second_derivatives_by_several_inputs_are_an_error_rather_than_0():
    loss, tensors = prepared("mse")
    grads = torch.autograd.grad(loss(*tensors), tensors, create_graph=True)
    with pytest.raises(InvalidParameter, match="mse can be differentiated twice by its first input; several inputs"):
        grads[0].sum().backward()


def test_a_gradient_is_computed_again_for_a_second_backward_pass():
    loss, (x, target) = Loss("mse"), (real(*EACH).requires_grad_(), real(*EACH))
    value = 3 * loss(x, target)
    value.backward(retain_graph=True)
    first = x.grad.clone()
    value.backward()
    torch.testing.assert_close(x.grad, 2 * first)
    torch.testing.assert_close(first, 6 * (x.detach() - target) / target.numel())


# Training


def log_rates(x):
    return x.clamp(-4, 4)


TRAINED = {
    "bce": (functional.binary_cross_entropy, torch.sigmoid, lambda: unit(32, 10)),
    "bce_with_logits": (functional.binary_cross_entropy_with_logits, nn.Identity(), lambda: unit(32, 10)),
    "cross_entropy": (functional.cross_entropy, nn.Identity(), lambda: torch.randint(0, 10, (32,))),
    "huber": (functional.huber_loss, nn.Identity(), lambda: real(32, 10)),
    "kl_div": (functional.kl_div, nn.LogSoftmax(-1), lambda: unit(32, 10)),
    "l1": (functional.l1_loss, nn.Identity(), lambda: real(32, 10)),
    "mse": (functional.mse_loss, nn.Identity(), lambda: real(32, 10)),
    "multi_margin": (functional.multi_margin_loss, nn.Identity(), lambda: torch.randint(0, 10, (32,))),
    "multilabel_margin": (
        functional.multilabel_margin_loss,
        nn.Identity(),
        lambda: torch.stack([torch.randperm(10) for _ in range(32)]).where(torch.arange(10) < 3, -1),
    ),
    "multilabel_soft_margin": (functional.multilabel_soft_margin_loss, nn.Identity(), lambda: unit(32, 10).round()),
    "nll": (functional.nll_loss, nn.LogSoftmax(-1), lambda: torch.randint(0, 10, (32,))),
    "poisson_nll": (functional.poisson_nll_loss, log_rates, lambda: unit(32, 10)),
    "smooth_l1": (functional.smooth_l1_loss, nn.Identity(), lambda: real(32, 10)),
    "soft_margin": (functional.soft_margin_loss, nn.Identity(), lambda: signs(32, 10)),
    "hinge_embedding": (functional.hinge_embedding_loss, torch.abs, lambda: signs(32, 10)),
}
"""By name: PyTorch's loss, what the network ends with, and targets."""
PAIRED = {
    "cosine_embedding": (functional.cosine_embedding_loss, lambda: (real(32, 10), signs(32))),
    "gaussian_nll": (functional.gaussian_nll_loss, lambda: (real(32, 10), unit(32, 10))),
    "margin_ranking": (functional.margin_ranking_loss, lambda: (real(32, 10), signs(32, 10))),
    "triplet_margin": (functional.triplet_margin_loss, lambda: (real(32, 10), real(32, 10))),
}


def trained(loss, last, data, steps=200):
    """The weights of a network after some steps."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(steps):
        x, others = data[step % len(data)]
        optimizer.zero_grad()
        loss(last(network(x)), *others).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()


@pytest.mark.parametrize("name", [*TRAINED, *PAIRED])
def test_training_gives_the_weights_that_it_gives_with_torchs_loss(name):
    if name in TRAINED:
        peer, last, target = TRAINED[name]
        data = [(real(32, 784), (target(),)) for _ in range(4)]
    else:
        peer, others = PAIRED[name]
        data, last = [(real(32, 784), others()) for _ in range(4)], nn.Identity()
    theirs = trained(peer, last, data)
    torch.testing.assert_close(trained(Loss(name), last, data), theirs, rtol=1e-8, atol=1e-10)


# Types and devices


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_narrow_types(kind):
    x, target = torch.randn(8, 5).to(kind).requires_grad_(), torch.randint(0, 5, (8,))
    value = Loss("cross_entropy")(x, target)
    value.backward()
    assert value.dtype == x.grad.dtype == kind
    wide = x.detach().float().requires_grad_()
    functional.cross_entropy(wide, target).backward()
    torch.testing.assert_close(x.grad.float(), wide.grad, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_narrow_types_have_the_bits_of_arrays(kind, reduction):
    x, target = torch.randn(8, 5).to(kind).requires_grad_(), torch.randn(8, 5).to(kind)
    loss = Loss("huber", delta=0.5, reduction=reduction)
    value = loss(x, target)
    value.sum().backward()
    arrays = [array_of(each) for each in (x, target)]
    expected, grad = loss.criterion.value_and_grad(*arrays)
    assert torch.equal(value, tensor_of(expected))
    assert torch.equal(torch.compile(loss, fullgraph=True, backend="aot_eager")(x, target), value)
    assert torch.equal(x.grad, tensor_of(grad))
    (product,) = torch.autograd.grad(loss(x, target).sum(), x, create_graph=True)
    inside = ((x - target).abs().float() < 0.5).to(kind)
    share = 1 if reduction == "none" else x.numel()
    torch.testing.assert_close(torch.autograd.grad(product.sum(), x)[0], inside / share)


def test_autocast():
    x, weight = torch.randn(8, 5), torch.randn(5, 5, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = Loss("mse")(x @ weight, x)
    value.backward()
    assert value.dtype == weight.grad.dtype == torch.float32


def test_other_devices_are_refused_unless_tensors_are_moved():
    x = torch.empty(3, device="meta")
    with pytest.raises(InvalidType, match="mse: expected tensors on the CPU; got one on meta; via_cpu=True moves"):
        Loss("mse")(x, x)
    with pytest.raises(InvalidType, match="expected tensors; got ndarray"):
        Loss("mse")(np.ones(3), torch.ones(3))


# What a criterion takes besides its inputs


def test_weights_masks_ignored_labels_and_denominators():
    x, target = torch.randn(8, 5, requires_grad=True), torch.randint(0, 5, (8,))
    target[2] = -100
    weight, where = torch.rand(8), torch.rand(8) < 0.7
    loss = Loss("cross_entropy", label_smoothing=0.1)
    value = loss(x, target, sample_weight=weight, where=where, denominator=4.5)
    value.backward()
    options = {"sample_weight": weight.numpy(), "where": where.numpy()}
    arrays = x.detach().numpy(), target.numpy()
    expected, grad = loss.criterion.value_and_grad(*arrays, denominator=4.5, **options)
    assert value.item() == expected
    np.testing.assert_array_equal(x.grad.numpy(), grad)
    counted = loss.denominator(x, target, sample_weight=weight, where=where)
    assert counted == loss.criterion.denominator(*arrays, **options)
    named = loss(logits=x, label=target, sample_weight=weight, where=where, denominator=4.5)
    assert named == value
    with pytest.raises(InvalidParameter, match="no gradient of sample_weight"):
        loss(x, target, sample_weight=weight.requires_grad_())


def test_errors_are_those_of_the_criterion():
    with pytest.raises(InvalidInput, match=r"cross_entropy: expected label a class from 0 to 3 .* got 9 at \[1\]"):
        Loss("cross_entropy")(torch.zeros(2, 4, requires_grad=True), torch.tensor([0, 9]))


# Compilation


@pytest.mark.parametrize("name", ["mse", "cross_entropy", "nll", "margin_ranking", "ctc", "linear_cross_entropy"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_compiled_loss_is_one_graph(name, reduction):
    loss, tensors = prepared(name, reduction)
    graded = [x for x in tensors if x.requires_grad]
    upstream = torch.rand(loss(*tensors).shape, dtype=torch.float64)

    def step(*given):
        return (loss(given[0] * 2, *given[1:]) * upstream).sum()

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    value, expected = compiled(*tensors), step(*tensors)
    torch.testing.assert_close(value, expected)
    for found, grad in zip(torch.autograd.grad(value, graded), torch.autograd.grad(expected, graded), strict=True):
        torch.testing.assert_close(found, grad)


def test_a_compiled_loss_keeps_dynamic_shapes_and_types():
    loss, sizes = Loss("cross_entropy"), []

    def count(graph, _):
        sizes.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x, y: loss(x.float(), y), fullgraph=True, dynamic=True, backend=count)
    for size in (4, 9, 17):
        x, target = torch.randn(size, 5), torch.randint(0, 5, (size,))
        torch.testing.assert_close(compiled(x, target), functional.cross_entropy(x, target))
    assert len(sizes) == 1


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_operator_keeps_torchs_rules(reduction):
    loss, tensors = prepared("cross_entropy", reduction)
    arguments = (loss.key, list(tensors), None, None, None, [True, False])
    torch.library.opcheck(torch_compiled.evaluate, arguments)


# Transforms


def test_transforms():
    loss, x, y = Loss("huber"), torch.randn(5, 3, 4), torch.randn(5, 3, 4)
    of_one = torch.func.grad(loss)
    expected = torch.stack([of_one(a, b) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(torch.func.vmap(of_one)(x, y), expected)
    leaf = x[0].clone().requires_grad_()
    functional.huber_loss(leaf, y[0]).backward()
    torch.testing.assert_close(expected[0], leaf.grad)
    torch.testing.assert_close(torch.func.vmap(loss, in_dims=(0, None))(x, y[0])[2], loss(x[2], y[0]))


def test_hessians_by_transforms():
    loss, x, label = Loss("cross_entropy", label_smoothing=0.2), real(2, 4), torch.tensor([1, 3])
    found = torch.func.jacrev(torch.func.jacrev(loss))(x, label)
    expected = torch.autograd.functional.hessian(lambda z: functional.cross_entropy(z, label, label_smoothing=0.2), x)
    torch.testing.assert_close(found, expected)
    diagonal = torch.tensor(loss.criterion.value_grad_hess(x.numpy(), label.numpy())[2])
    torch.testing.assert_close(found.reshape(8, 8).diagonal().reshape(2, 4), diagonal)


# Modules


def test_copies_and_pickles():
    loss, tensors = prepared("cross_entropy")
    for again in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):  # noqa: S301  made here
        assert again.criterion == loss.criterion
        assert again(*tensors) == loss(*tensors)
        assert again.key == loss.key
    assert "cross_entropy" in repr(loss)
    assert not loss.state_dict()


def test_learned_inputs_are_parameters():
    weight = real(CLASSES, 3)
    loss = Loss("linear_cross_entropy", learned={"linear_weight": weight})
    assert [name for name, _ in loss.named_parameters()] == ["linear_weight"]
    features, label = real(ROWS, 3).requires_grad_(), labels()
    loss(features, target=label).backward()
    expected = functional.cross_entropy(features @ loss.linear_weight.T, label)
    torch.testing.assert_close(loss.linear_weight.grad, torch.autograd.grad(expected, loss.linear_weight)[0])
    stream = io.BytesIO()
    torch.save(loss.state_dict(), stream)
    stream.seek(0)
    again = Loss("linear_cross_entropy", learned={"linear_weight": torch.zeros(CLASSES, 3).double()})
    again.load_state_dict(torch.load(stream))
    torch.testing.assert_close(again.linear_weight, loss.linear_weight)


def rank(number, world, path):
    """One process: its rows of the batch, with labels to ignore in the first process only."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{path}", rank=number, world_size=world)
    network, x, label = batch()
    network = nn.parallel.DistributedDataParallel(network)
    loss, part = Loss("cross_entropy"), slice(number * 6, number * 6 + 6)
    output = network(x[part])
    counted = torch.tensor(loss.denominator(output, label[part]))
    torch.distributed.all_reduce(counted)
    loss(output, label[part], denominator=counted.item() / world).backward()
    if number == 0:
        torch.save([p.grad for p in network.parameters()], f"{path}.grads")
    torch.distributed.destroy_process_group()


def batch():
    torch.manual_seed(1)
    label = torch.randint(0, 4, (12,))
    label[:4] = -100
    return nn.Linear(5, 4).double(), real(12, 5), label


def test_two_processes_have_the_gradients_of_one(tmp_path):
    path = tmp_path / "store"
    torch.multiprocessing.spawn(rank, (2, str(path)), nprocs=2)
    network, x, label = batch()
    Loss("cross_entropy")(network(x), label).backward()
    for found, parameter in zip(torch.load(f"{path}.grads"), network.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_weighted_sum_of_losses_is_a_module(compiled):
    both = Loss({"mse": 1.0, "huber": {"factor": 0.5, "delta": 0.25}})
    called = torch.compile(both, backend="aot_eager", fullgraph=True) if compiled else both
    x, y = real(ROWS, CLASSES).requires_grad_(), real(ROWS, CLASSES)
    (expected,) = torch.autograd.grad(functional.mse_loss(x, y) + 0.5 * functional.huber_loss(x, y, delta=0.25), x)
    called(x, y).backward()
    torch.testing.assert_close(x.grad, expected)
    assert "'factor': 0.5" in repr(both)


@pytest.mark.parametrize("reduction", [{"name": "top_k", "fraction": 0.4}, "trimmed", {"name": "tilted", "tilt": 2.0}])
def test_reductions_that_are_plugins(reduction):
    x, target = real(*EACH).requires_grad_(), labels()
    module = Loss("cross_entropy", reduction=reduction)
    value, grad = lossreg.create("cross_entropy", reduction=reduction).value_and_grad(
        x.detach().numpy(), target.numpy()
    )
    for call in (module, torch.compile(module, fullgraph=True, backend="aot_eager")):
        x.grad = None
        found = call(x, target)
        (3 * found).backward()
        assert found.item() == value
        np.testing.assert_allclose(x.grad.numpy(), 3 * grad, rtol=1e-15)
    if reduction != "trimmed":
        return
    values = functional.cross_entropy(x, target, reduction="none").sort().values
    torch.testing.assert_close(module(x, target), (values[:-1].sum() + 0.4 * values[-1]) / (ROWS - 0.6))


# Small tensors


def repeated(loss, *tensors):
    """The value and the first gradient of the third call, which compiled code computes."""
    for _ in range(3):
        tensors[0].grad = None
        value = loss(*tensors)
        value.backward()
    return value, tensors[0].grad


def test_repeated_calls_of_small_tensors_have_the_bits_of_arrays(monkeypatch):
    x, target = torch.randn(8, 5, requires_grad=True), torch.randint(0, 5, (8,))
    loss = Loss("cross_entropy", label_smoothing=0.1)
    first, grad = repeated(loss, x, target)
    assert all(torch.equal(loss(x.detach(), target), first) for _ in range(2))
    monkeypatch.setattr(OrdinaryCall, "run", lambda *_: pytest.fail("the criterion is called"))
    for labels in (target, torch.where(torch.arange(8) < 3, -100, target)):
        expected, slopes = loss.criterion.value_and_grad(x.detach().numpy(), labels.numpy())
        value, grad = repeated(loss, x, labels)
        assert value.item() == expected
        np.testing.assert_array_equal(grad.numpy(), slopes)
    (3 * loss(x, target)).backward()
    assert torch.equal(loss(x.detach(), target), first)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_every_graded_input_of_small_tensors(kind):
    x, target = (torch.randn(6, 3, dtype=kind, requires_grad=True) for _ in range(2))
    loss = Loss("huber", delta=0.5)
    repeated(loss, x, target)
    target.grad = None
    _, grad = repeated(loss, x, target)
    torch.testing.assert_close(target.grad, -3 * grad)
    (grad,) = torch.autograd.grad(loss(x, target.detach()), x, create_graph=True)
    (product,) = torch.autograd.grad(grad.sum(), x)
    torch.testing.assert_close(product, ((x - target).abs() < 0.5).to(kind) / x.numel())


def test_small_tensors_that_are_not_in_memory_as_they_are():
    loss, x, target = Loss("mse"), torch.randn(6, 4, requires_grad=True), torch.randn(6, 4)
    expected, _ = repeated(loss, x, target)
    assert repeated(loss, x, target.T.contiguous().T)[0] == expected
    with pytest.raises(RuntimeError, match="negative bit"):
        loss(x, torch._neg_view(target))  # noqa: SLF001  no public function makes one that is contiguous
    with pytest.raises(InvalidInput, match="mse: expected"):
        loss(x, target[:5])


def test_errors_of_small_tensors_are_those_of_the_criterion():
    loss, x, target = Loss("cross_entropy"), torch.zeros(2, 4, requires_grad=True), torch.tensor([0, 3])
    repeated(loss, x, target)
    with pytest.raises(InvalidInput, match=r"cross_entropy: expected label a class from 0 to 3 .* got 9 at \[1\]"):
        loss(x, torch.tensor([0, 9]))
    value, grad = repeated(loss, torch.full((2, 4), torch.inf, requires_grad=True), target)
    expected, slopes = loss.criterion.value_and_grad(np.full((2, 4), np.inf, np.float32), target.numpy())
    np.testing.assert_array_equal(value.item(), expected)
    np.testing.assert_array_equal(grad.numpy(), slopes)


def test_threads_that_share_a_small_loss():
    loss, target = Loss("mse"), torch.randn(16, 3)
    inputs = [torch.randn(16, 3) for _ in range(8)]
    expected = [loss(x, target) for x in inputs]

    def work(at):
        return all(torch.equal(loss(inputs[at], target), expected[at]) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
