"""The registries: they find by name, load one plugin and no other, and explain what is wrong with the rest.

The distributions are real to importlib.metadata: a dist-info directory and modules, on sys.path.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import lossreg
from lossreg.cli import main
from lossreg.definition.component import Component
from lossreg.definition.loss import Loss
from lossreg.errors import AmbiguousName, BrokenPlugin, InvalidInput, InvalidType, UnknownName
from lossreg.registry import isolation, registries, summaries
from lossreg.registry.entry_points import entry_points, from_importlib
from lossreg.registry.registries import REGISTRIES, Registry, normalized_name, problems

LOSS = '''
"""A loss of its own."""
from lossreg.plugin import Real, hookimpl, loss

@loss
def {name}(prediction: Real, target: Real):
    return prediction - target, 1.0

@hookimpl
def lossreg_component():
    return {name}
'''

PLUGINS = Path(__file__).parents[1] / "plugins" / "lossreg_losses"
BUILT_IN = sorted(path.stem for path in PLUGINS.rglob("[!_]*.py"))

PYTORCH = {
    "AdaptiveLogSoftmaxWithLoss": "adaptive_log_softmax",
    "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce_with_logits",
    "CTCLoss": "ctc",
    "CosineEmbeddingLoss": "cosine_embedding",
    "CrossEntropyLoss": "cross_entropy",
    "GaussianNLLLoss": "gaussian_nll",
    "HingeEmbeddingLoss": "hinge_embedding",
    "HuberLoss": "huber",
    "KLDivLoss": "kl_div",
    "L1Loss": "l1",
    "LinearCrossEntropyLoss": "linear_cross_entropy",
    "MSELoss": "mse",
    "MarginRankingLoss": "margin_ranking",
    "MultiLabelMarginLoss": "multilabel_margin",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin",
    "MultiMarginLoss": "multi_margin",
    "NLLLoss": "nll",
    "PoissonNLLLoss": "poisson_nll",
    "SmoothL1Loss": "smooth_l1",
    "SoftMarginLoss": "soft_margin",
    "TripletMarginLoss": "triplet_margin",
    "TripletMarginWithDistanceLoss": "triplet_margin_with_distance",
}


def write_distribution(site, name, version, points, modules):
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    lines = ["[lossreg.losses]", *(f"{point} = {module}" for point, module in points.items())]
    info.joinpath("entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    for module, source in modules.items():
        site.joinpath(f"{module}.py").write_text(source, "utf-8")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution with one loss, or with a module's source in its place; gives a registry that finds it."""
    site = tmp_path / "site"
    site.mkdir()
    before = set(sys.modules)

    def install(name, version="1.0", *, point, source=None, module=None):
        module = module or f"fake_{name.replace('-', '_')}"
        write_distribution(site, name, version, {point: module}, {module: source or LOSS.format(name=point)})
        monkeypatch.syspath_prepend(site)
        return Registry("lossreg.losses", "lossreg.definition.loss", "Loss")

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("fake_"):
            del sys.modules[module]


def in_a_new_process(code, **environment):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


# Names


def test_the_built_in_losses_come_in_by_entry_points():
    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    assert [offer.name for offer in registry.offers() if offer.distribution == "lossreg"] == BUILT_IN
    assert {str(offer) for offer in registry.offers() if offer.name in BUILT_IN} == {f"lossreg {lossreg.__version__}"}


@pytest.mark.parametrize(("given", "expected"), PYTORCH.items())
def test_pytorchs_class_names_are_ours_by_a_rule(given, expected):
    assert normalized_name(given) == normalized_name(expected)
    assert [name for name in PYTORCH.values() if normalized_name(name) == normalized_name(given)] == [expected]


@pytest.mark.parametrize("given", ["KLDivLoss", "kl_div", "KLDIV", "kldiv_loss", "lossreg:KLDivLoss", "Lossreg:kl_div"])
def test_a_name_is_found_without_regard_to_case_underscores_and_loss(given):
    assert lossreg.get(given).name == "kl_div"


def test_an_exact_name_comes_before_a_similar_one(installed):
    registry = installed("similar", point="hu_ber")
    assert registry.get("huber").name == "huber"
    assert registry.get("hu_ber").name == "hu_ber"
    with pytest.raises(AmbiguousName):
        registry.get("HuberLoss")


def test_what_is_installed_is_read_once_for_all_kinds_of_plugins():
    code = """
        import lossreg.registry.registries as registry
        calls, read = [], registry.entry_points
        registry.entry_points = lambda prefix: calls.append(prefix) or read(prefix)
        assert all(one.names() for one in registry.REGISTRIES)
        print(len(calls))
    """
    assert in_a_new_process(code) == ["1"]


def test_entry_points_are_those_of_importlib_metadata(tmp_path, monkeypatch):
    points = {"b": "fake_b : inner.thing [extra]", "a": "fake_a", "# no": "fake_c"}
    write_distribution(tmp_path / "first", "Twice.Named", "2.0", points, {})
    write_distribution(tmp_path / "second", "twice-named", "1.0", {"a": "fake_d"}, {})
    write_distribution(tmp_path / "second", "silent", "1.0", {}, {})
    for place in ("second", "first", "missing"):
        monkeypatch.syspath_prepend(tmp_path / place)
    found = sorted(entry_points("lossreg."))
    assert found == sorted(from_importlib("lossreg."))
    expected = importlib.metadata.entry_points()
    for group in {point.group for point in found}:
        given = [
            (point.name, point.value, point.dist.name, point.dist.version) for point in expected.select(group=group)
        ]
        assert [point[1:] for point in found if point.group == group] == sorted(given)
    ours = [point[1:] for point in found if point.distribution.startswith(("Twice", "twice"))]
    assert ours == [
        ("a", "fake_a", "Twice.Named", "2.0"),
        ("b", "fake_b : inner.thing [extra]", "Twice.Named", "2.0"),
    ]


def test_a_distribution_found_twice_counts_once(tmp_path, monkeypatch):
    # A checkout that was once installed for development, beside the installed distribution.
    write_distribution(tmp_path, "checked-out", "1.0", {"a": "fake_a"}, {})
    shutil.copytree(tmp_path / "checked_out-1.0.dist-info", tmp_path / "checked_out.egg-info")
    tmp_path.joinpath("checked_out.egg-info", "METADATA").rename(tmp_path / "checked_out.egg-info" / "PKG-INFO")
    monkeypatch.syspath_prepend(tmp_path)
    for read in (entry_points, from_importlib):
        assert [point[1:] for point in read("lossreg.") if point.name == "a"] == [("a", "fake_a", "checked-out", "1.0")]


def test_an_entry_point_that_is_there_twice_counts_once(tmp_path, monkeypatch):
    write_distribution(tmp_path, "doubled", "1.0", {"a": "fake_a", "a ": "fake_a", " a": "fake_b"}, {})
    monkeypatch.syspath_prepend(tmp_path)
    assert [point.value for point in entry_points("lossreg.") if point.name == "a"] == ["fake_a"]


@pytest.mark.parametrize("file", ["METADATA", "entry_points.txt"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_byte_that_is_not_utf8_in_any_distribution_harms_nothing_else(file, zipped, tmp_path, monkeypatch):
    site = tmp_path / "site"
    write_distribution(site, "odd", "1.0", {"odd": "fake_odd"}, {})
    path = site / "odd-1.0.dist-info" / file
    path.write_bytes(b"# G\xf6del\n" * (file != "METADATA") + path.read_bytes() + b"Author: G\xf6del\n")
    monkeypatch.syspath_prepend(shutil.make_archive(str(tmp_path / "odd"), "zip", site) if zipped else site)
    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    assert set(BUILT_IN) <= set(registry.names())
    assert registry.get("mse").name == "mse"
    if not zipped:  # of a file in an archive that cannot be decoded, nothing is known
        assert str(registry.find("odd")) == "odd 1.0"


def test_a_distribution_in_a_zip_file_is_found_too(tmp_path, monkeypatch):
    write_distribution(
        tmp_path / "site", "zipped", "3.0", {"tight": "fake_tight"}, {"fake_tight": LOSS.format(name="tight")}
    )
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "site")
    monkeypatch.syspath_prepend(archive)
    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    assert str(registry.find("tight")) == "zipped 3.0"
    assert registry.get("tight").name == "tight"
    del sys.modules["fake_tight"]


def test_an_unknown_name_gets_the_nearest_one_and_the_command_that_lists_all():
    with pytest.raises(UnknownName) as caught:
        lossreg.get("hubr")
    assert isinstance(caught.value, LookupError)
    assert re.fullmatch(
        r"no loss named 'hubr' is installed; did you mean 'huber'\? `lossreg list losses` lists all \d+ losses",
        str(caught.value),
    )


def test_a_name_like_no_other_gets_no_suggestion():
    first = r"^no loss named 'xyzzy' is installed; the losses are adaptive_log_softmax, "
    with pytest.raises(UnknownName, match=first + r".*, \.\.\. and \d+ more, which `lossreg list losses` lists$"):
        lossreg.get("xyzzy")


def test_the_nearest_name_is_found_for_pytorchs_spelling_too():
    with pytest.raises(UnknownName, match="did you mean 'cross_entropy'"):
        lossreg.get("CrosEntropy")


@pytest.mark.parametrize("given", [None, 3, b"huber", ["huber"]])
def test_a_name_is_a_text(given):
    with pytest.raises(InvalidType, match="expected the name of a loss, got"):
        lossreg.get(given)


def test_an_unknown_distribution_is_an_unknown_name():
    with pytest.raises(UnknownName, match="no loss named 'nowhere:huber' is installed"):
        lossreg.get("nowhere:huber")


# Two of a name


def test_two_distributions_with_one_name_are_distinguished_by_the_distribution(installed):
    registry = installed("rival-losses", "2.1", point="huber")
    with pytest.raises(AmbiguousName) as caught:
        registry.get("huber")
    assert str(caught.value) == (
        f"loss 'huber' is offered by lossreg {lossreg.__version__} and by rival-losses 2.1; "
        "choose one with 'lossreg:huber' or 'rival-losses:huber'"
    )
    assert registry.get("lossreg:huber").function.__module__ == "lossreg_losses.regression.huber"
    assert registry.get("Rival_Losses:huber").function.__module__ == "fake_rival_losses"
    assert registry.get("mse").name == "mse"
    assert registry.names() == BUILT_IN


@pytest.mark.parametrize("name", ["a:b", ".py", "mine.py"])
def test_a_name_that_is_read_as_something_else_is_a_problem_and_no_error(name, installed):
    registry = installed("odd-losses", "1.0", point=name)
    (problem,) = problems([registry])
    assert problem == f"loss {name!r} cannot be used: a name has no ':' and does not end with .py"


# Broken ones

HOOK = "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): "

BROKEN = {
    "an error on import": ("raise ValueError('no such luck')", "ValueError: no such luck"),
    "a missing package": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "a syntax error": ("def", "SyntaxError"),
    "an exit on import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "no hook": ("x = 1", "it has no lossreg_component hook that returns a component"),
    "a component of another kind": (
        (
            "from lossreg.plugin import data, hookimpl\n@data\ndef broken(): return 1\n"
            "@hookimpl\ndef lossreg_component(): return broken"
        ),
        "its lossreg_component returns <data broken>, expected a Loss",
    ),
    "a misspelt hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_los(): return 1",
        "unknown hook 'lossreg_los'",
    ),
    "a hook with an argument": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(name): return 1",
        "PluginValidationError",
    ),
    "the wrong thing": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): return 1",
        "returns 1, expected a Loss",
    ),
    "nothing": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): return None",
        "it has no lossreg_component hook that returns a component",
    ),
    "an error in the hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "another name": (LOSS.format(name="other"), "its entry point is named 'broken', but its component 'other'"),
    "a GeneratorExit on import": ("raise GeneratorExit('early')", "GeneratorExit: early"),
    "a BaseException of its own": ("class Stop(BaseException): pass\nraise Stop('here')", "Stop: here"),
    "a GeneratorExit in the hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): raise GeneratorExit",
        "GeneratorExit",
    ),
    "an error without a message": (
        "class Silent(Exception):\n    def __str__(self): raise ValueError\nraise Silent",
        "Silent: its message cannot be shown",
    ),
    "an answer that cannot be shown": (
        (
            "from lossreg.plugin import hookimpl\nclass Odd:\n    def __repr__(self): raise ValueError('shy')\n"
            "@hookimpl\ndef lossreg_component(): return Odd()"
        ),
        "ValueError: shy",
    ),
    "a docstring that is no string": (
        LOSS.format(name="broken") + "\nbroken.function.__doc__ = 5\n",
        "its docstring is not a string",
    ),
    "a module docstring that is no string": (
        LOSS.format(name="broken") + "\n__doc__ = b'bytes'\n",
        "its docstring is not a string",
    ),
    "an indentation error": ("x = 1\n  y = 2", "IndentationError"),
    "null bytes": ("x = 1\0", "source code string cannot contain null bytes"),
    "an unknown encoding": ("# coding: klingon\nx = 1", "SyntaxError: "),
    "endless recursion": ("def f(): f()\nf()", "RecursionError"),
    "no memory": ("raise MemoryError", "MemoryError"),
    "a StopIteration": ("raise StopIteration(3)", "StopIteration: 3"),
    "a failed assertion": ("assert False, 'never'", "AssertionError: never"),
    "a warning as an error": (
        "import warnings; warnings.simplefilter('error'); warnings.warn('old')",
        "UserWarning: old",
    ),
    "an exit in the hook": (HOOK + "raise SystemExit(2)", "SystemExit: 2"),
    "an import of itself": ("from fake_broken_losses import broken", "ImportError"),
    "no module any more": ("import sys; del sys.modules[__name__]", "KeyError: 'fake_broken_losses'"),
    "an object in place of its module": ("import sys; sys.modules[__name__] = 5", "it has no lossreg_component hook"),
    "a generator as the hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl\ndef lossreg_component(): yield 1",
        "returns <generator object",
    ),
    "an awaitable": (
        HOOK + "return Later()\nclass Later:\n    def __await__(self): yield",
        "Later object at",
    ),
    "a class as the hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl\nclass lossreg_component: pass",
        "it has no lossreg_component hook",
    ),
    "a list of components": (LOSS.format(name="broken").replace("return broken", "return [broken]"), "expected a Loss"),
    "the kernel in place of the loss": (
        LOSS.format(name="broken").replace("return broken", "return broken.function"),
        "returns <function broken",
    ),
    "the class Loss": (HOOK + "from lossreg.plugin import Loss; return Loss", "expected a Loss"),
    "a string": (HOOK + "return 'broken'", "returns 'broken', expected a Loss"),
    "the loss of another plugin": (HOOK + "import lossreg; return lossreg.get('mse')", "but its component 'mse'"),
    "a wrapper of the hook": (
        "from lossreg.plugin import hookimpl\n@hookimpl(hookwrapper=True)\ndef lossreg_component(): yield",
        "it has no lossreg_component hook",
    ),
    "a hook that is optional and misspelt": (
        "from lossreg.plugin import hookimpl\n@hookimpl(optionalhook=True)\ndef lossreg_compnent(): return 1",
        "it has no lossreg_component hook",
    ),
    "a default outside of its domain": (
        LOSS.format(name="broken").replace("target: Real", "target: Real, k: float = 'x'"),
        "broken: the default of k",
    ),
    "a kernel without inputs": (LOSS.format(name="broken").replace("prediction: Real, target: Real", ""), "broken"),
    "a kernel of any arguments": (
        LOSS.format(name="broken").replace("prediction: Real, target: Real", "*inputs: Real"),
        "broken",
    ),
    "a name from lossreg that there is not": (
        "from lossreg.plugin import Reel",
        "ImportError: cannot import name 'Reel' from 'lossreg.plugin'",
    ),
    "a signature that cannot be read": (
        "from lossreg.plugin import loss\n@loss\ndef broken(prediction, target): return 1.0, 1.0",
        "broken: prediction has no annotation",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_explained_when_it_is_asked_for_and_harms_no_other(what, installed):
    source, cause = BROKEN[what]
    registry = installed("broken-losses", "0.3", point="broken", source=source)
    assert registry.names() == sorted([*BUILT_IN, "broken"])
    for _ in range(2):  # the second time too, although Python remembers half-imported modules
        with pytest.raises(BrokenPlugin) as caught:
            registry.get("broken")
        message = str(caught.value)
        assert message.startswith(
            "loss 'broken' of broken-losses 0.3 cannot be used (broken = 'fake_broken_losses'): ",
        )
        assert cause in message
    assert isinstance(caught.value, RuntimeError)
    assert [registry.get(name).name for name in BUILT_IN] == BUILT_IN


def test_a_plugin_whose_module_is_missing_is_explained(installed, tmp_path):
    registry = installed("gone", point="gone")
    (tmp_path / "site" / "fake_gone.py").unlink()
    with pytest.raises(BrokenPlugin, match=r"loss 'gone' of gone 1\.0 cannot be used .*No module named 'fake_gone'"):
        registry.get("gone")


def test_a_broken_plugin_beside_a_good_one_of_the_same_distribution(tmp_path, monkeypatch):
    modules = {"fake_good": LOSS.format(name="good"), "fake_bad": "raise OSError('bad')"}
    write_distribution(tmp_path, "mixed", "1", {"bad": "fake_bad", "good": "fake_good"}, modules)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    with pytest.raises(BrokenPlugin, match="OSError: bad"):
        registry.get("bad")
    assert registry.get("good").at(3.0, 1.0) == (2.0, 1.0)
    monkeypatch.delitem(sys.modules, "fake_good")


def test_a_plugin_may_be_an_object_inside_a_module(tmp_path, monkeypatch):
    kernel, _, _ = LOSS.format(name="inside").partition("@hookimpl")
    source = (
        kernel
        + "class Plugin:\n    @hookimpl\n    def lossreg_component(self):\n        return inside\n\nplugin = Plugin()\n"
    )
    write_distribution(tmp_path, "objects", "1", {"inside": "fake_objects:plugin"}, {"fake_objects": source})
    monkeypatch.syspath_prepend(tmp_path)
    assert Registry("lossreg.losses", "lossreg.definition.loss", "Loss").get("inside").name == "inside"
    monkeypatch.delitem(sys.modules, "fake_objects")


def test_a_function_that_is_not_marked_is_no_hook(installed):
    registry = installed("unmarked", point="unmarked", source=LOSS.format(name="unmarked").replace("@hookimpl", ""))
    with pytest.raises(BrokenPlugin, match="it has no lossreg_component hook"):
        registry.get("unmarked")


def test_a_plugin_is_imported_once(installed):
    registry = installed("once", point="once")
    assert registry.get("once") is registry.get("once:once")


# Loading what was not asked for

OUTPUT = "importing it closes or replaces the standard output"
HARMFUL = {
    # what importing it does, and the cause that is given
    "exits_at_once": ("import os; os._exit(7)", "loading it ended the process, with exit code 7"),
    "exits_in_the_hook": ("import os\n" + HOOK + "os._exit(0)", "loading it ended the process, with exit code 0"),
    "is_killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "loading it ended the process"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "interrupts_in_the_hook": (HOOK + "raise KeyboardInterrupt('now')", "KeyboardInterrupt: now"),
    "closes_stdout": ("import sys; sys.stdout.close()\n" + LOSS.format(name="closes_stdout"), OUTPUT),
    "closes_stderr": ("import sys; sys.stderr.close()\n" + LOSS.format(name="closes_stderr"), OUTPUT),
    "closes_1": ("import os; os.close(1)\n" + LOSS.format(name="closes_1"), OUTPUT),
    "detaches": ("import sys; sys.stdout.detach()\n" + LOSS.format(name="detaches"), OUTPUT),
    "replaces_stdout": ("import sys; sys.stdout = sys.stderr\n" + LOSS.format(name="replaces_stdout"), OUTPUT),
    "removes_stdout": ("import sys; sys.stdout = None\n" + LOSS.format(name="removes_stdout"), OUTPUT),
    "closes_everything": ("import os; os.closerange(0, 64)\n", "loading it ended the process"),
    "forges_answers": (
        "import contextlib, os\nfor fd in range(3, 9):\n    with contextlib.suppress(OSError): os.write(fd, b'[1]\\n')",
        "loading it ended the process",
    ),
    "fails_for_all": ("import builtins; builtins.len = None\nraise ValueError('mine')", "ValueError: mine"),
}


@pytest.fixture
def distributions(tmp_path, monkeypatch):
    """Install distributions of one loss each, from their modules' sources; gives a registry that finds them."""

    def install(sources):
        for name, source in sources.items():
            write_distribution(tmp_path, name, "1.0", {name: f"fake_{name}"}, {f"fake_{name}": source})
        monkeypatch.syspath_prepend(tmp_path)
        return Registry("lossreg.losses", "lossreg.definition.loss", "Loss")

    yield install
    for module in [module for module in sys.modules if module.startswith("fake_")]:
        del sys.modules[module]


@pytest.mark.slow  # 6 s of processor time
def test_what_a_plugin_does_as_it_is_imported_stays_in_another_process(distributions, capfd):
    prints = "\nprint('noise', flush=True)\nimport os; os.system('echo noise')\n"
    good = {f"{letter}_good": LOSS.format(name=f"{letter}_good") + prints for letter in "dfhz"}
    broken = {f"broken_{index}": source for index, (source, _) in enumerate([*BROKEN.values()][::9])}
    registry = distributions({**good, **broken, **{name: source for name, (source, _) in HARMFUL.items()}})
    found = {one.offer.name: one for one in isolation.inspect([registry])}
    assert sorted(found) == registry.names() == list(found)
    assert {name for name, one in found.items() if not one.error} == {*BUILT_IN, *good}
    assert {found[name].summary for name in good} == {"A loss of its own."}
    assert {found[name].task for name in good} == {"regression"}
    for name, (_, cause) in HARMFUL.items():
        assert found[name].error.startswith(f"loss '{name}' of {name} 1.0 cannot be used ({name} = 'fake_{name}'): ")
        assert cause in found[name].error, name
    assert "noise" not in "".join(capfd.readouterr())
    names = {offer.name for offer, _ in isolation.usable(registry)}
    assert names == {*BUILT_IN, *good}


def test_the_message_of_a_plugin_is_shown_up_to_a_limit(distributions):
    registry = distributions({"talks": "raise ValueError('x' * 10**7)"})
    (found,) = [one for one in isolation.inspect([registry]) if one.offer.name == "talks"]
    assert "ValueError: xxx" in found.error
    assert len(found.error) < 3000


@pytest.mark.slow  # 3 s of processor time
def test_a_plugin_that_never_returns_is_given_up(distributions, monkeypatch):
    registry = distributions({"endless": "while True: pass", "good": LOSS.format(name="good")})
    monkeypatch.setattr(isolation, "SECONDS", 5)
    found = {one.offer.name: one.error for one in isolation.inspect([registry])}
    assert found["endless"].endswith("loading it took longer than 5 seconds")
    assert found["good"] == ""


def test_a_process_that_a_plugin_leaves_behind_is_not_waited_for(distributions, monkeypatch):
    leaves = "import os, time\nif not os.fork():\n    time.sleep(60)\n    os._exit(0)\n"
    registry = distributions({"forks": leaves + LOSS.format(name="forks"), "good": LOSS.format(name="good")})
    monkeypatch.setattr(isolation, "SECONDS", 30)
    found = {one.offer.name: one.error for one in isolation.inspect([registry])}
    assert (found["forks"], found["good"]) == ("", "")


def test_a_plugin_fails_by_its_own_fault_only(distributions):
    # The first loads, although it breaks what the second needs; so the second is tried by itself.
    first = "import fractions; fractions.Fraction = None\n" + LOSS.format(name="first")
    second = "from fractions import Fraction; Fraction(1, 2)\n" + LOSS.format(name="second")
    registry = distributions({"first": first, "second": second})
    assert [one.error for one in isolation.inspect([registry])] == [""] * len(registry.names())


def test_names_of_a_task_leave_out_what_cannot_be_loaded(distributions, monkeypatch):
    registry = distributions({"good": LOSS.format(name="good"), "exits": "import os; os._exit(7)"})
    monkeypatch.setattr("lossreg.registry.registries.losses", registry)
    names = lossreg.names(task="regression")
    assert {"good", "huber", "mse"} <= set(names)
    assert not {"exits", "cross_entropy"} & set(names)
    assert set(names) < set(lossreg.names())
    with pytest.raises(InvalidInput, match="no loss is for the task 'regresion'; did you mean 'regression'"):
        lossreg.names(task="regresion")


# Leaving out


@pytest.mark.parametrize("given", ["spare-losses", " Spare_Losses , other", "other,spare.losses"])
def test_distributions_can_be_left_out(given, installed, monkeypatch):
    monkeypatch.setenv("LOSSREG_DISABLE_PLUGINS", given)
    registry = installed("spare-losses", point="spare")
    assert registry.names() == BUILT_IN
    with pytest.raises(UnknownName):
        registry.get("spare")


def test_the_built_in_ones_can_be_left_out_too(installed, monkeypatch):
    monkeypatch.setenv("LOSSREG_DISABLE_PLUGINS", "lossreg")
    assert installed("spare-losses", point="spare").names() == ["spare"]


# Registering at run time


def offset(prediction: lossreg.plugin.Real, target: lossreg.plugin.Real):
    """A loss without a distribution."""
    return prediction - target, 1.0


def test_a_loss_can_be_registered_at_run_time_and_replaced():
    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    first, second = lossreg.plugin.loss(offset), lossreg.plugin.loss(offset)
    assert registry.register(first) is first
    assert registry.get("offset") is first
    registry.register(second)
    assert registry.get("OffsetLoss") is second
    assert registry.get("runtime:offset") is second
    assert [str(offer) for offer in registry.offers() if offer.name == "offset"] == ["runtime"]
    assert registry.names() == sorted([*BUILT_IN, "offset"])


def test_a_loss_of_an_installed_name_does_not_hide_it():
    def huber(prediction: lossreg.plugin.Real, target: lossreg.plugin.Real):
        return prediction - target, 1.0

    registry = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
    own = registry.register(lossreg.plugin.loss(huber))
    with pytest.raises(AmbiguousName, match="'lossreg:huber' or 'runtime:huber'"):
        registry.get("huber")
    assert registry.get("runtime:huber") is own
    assert registry.get("lossreg:huber") is not own


@pytest.mark.parametrize("given", [offset, "huber", None, Loss])
def test_only_what_the_decorators_make_can_be_registered(given):
    with pytest.raises(InvalidType, match="expected a loss made by @loss, got"):
        Registry("lossreg.losses", "lossreg.definition.loss", "Loss").register(given)
    decorators = ", ".join(f"@{registry.kind}" for registry in REGISTRIES)
    with pytest.raises(InvalidType, match=f"expected what one of {decorators} makes, got"):
        lossreg.register(given)


def test_registering_finds_the_registry_of_the_kind():
    code = """
        import lossreg
        from lossreg.registry import registries as registry

        def rule(weight: lossreg.plugin.Real, grad: lossreg.plugin.Real, step: lossreg.plugin.Real,
                 *, lr: lossreg.plugin.Positive = 0.1):
            return (weight - lr * grad,)

        lossreg.register(lossreg.plugin.optimizer(rule))
        print("rule" in registry.optimizers.names(), "rule" in lossreg.names())
    """
    assert in_a_new_process(code) == ["True", "False"]


class Sampler(Component):
    """A kind that lossreg does not have."""


def test_a_new_kind_of_plugin_needs_its_registry_only(monkeypatch, capsys):
    def every_other(*, step: lossreg.plugin.PositiveInteger = 2):
        """Take every other row."""

    added = Registry("lossreg.samplers", __name__, "Sampler")
    monkeypatch.setattr(registries, "REGISTRIES", (*REGISTRIES, added))
    assert lossreg.register(Sampler.read(every_other)).name == "every_other"

    def output(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        return ended.value.code, *capsys.readouterr()

    assert output("list", "samplers")[1].splitlines()[1].split() == [
        "every_other",
        "runtime",
        "Take",
        "every",
        "other",
        "row.",
    ]
    assert "sampler" in output("list", "all")[1]
    assert "did you mean 'samplers'?" in output("list", "sampler")[2]
    assert output("show", "every_other")[1].startswith("every_other (sampler)\n\nTake every other row.\n")
    assert "did you mean 'every_other'? The samplers are every_other;" in output("show", "every_othr")[2]


# What gets imported


def test_importing_lossreg_imports_nothing_heavy():
    code = """
        import sys
        import lossreg
        print(*[name for name in ("numpy", "numba", "pluggy", "yaml", "lossreg_losses") if name in sys.modules], "end")
    """
    assert in_a_new_process(code) == ["end"]


def test_listing_names_imports_no_plugin():
    code = """
        import sys
        import lossreg
        assert "huber" in lossreg.names()
        print(*[name for name in ("numpy", "numba", "pluggy", "lossreg_losses") if name in sys.modules], "end")
    """
    assert in_a_new_process(code) == ["end"]


def test_getting_one_imports_that_one_and_neither_numpy_nor_numba():
    code = """
        import sys
        import lossreg
        print(lossreg.get("HuberLoss").name)
        print(*[name for name in sys.modules if name.startswith(("lossreg_", "numpy", "numba"))])
    """
    assert in_a_new_process(code) == [
        *("huber", "lossreg_losses", "lossreg_losses.regression", "lossreg_losses.regression.huber")
    ]


def test_evaluating_one_point_needs_no_numba():
    code = """
        import sys
        import lossreg
        print(*lossreg.get("cross_entropy").at([0.0, 40.0], 1)[1])
        print("numba" in sys.modules)
    """
    assert in_a_new_process(code) == ["4.248354255291589e-18", "-4.248354255291589e-18", "False"]


def test_own_plugins_are_imported_once_for_their_summaries(tmp_path, monkeypatch):
    monkeypatch.setattr(summaries, "FILE", str(tmp_path / "kept" / "summaries.json"))
    loaded = []
    load = Registry.load
    monkeypatch.setattr(Registry, "load", lambda registry, offer: loaded.append(offer.name) or load(registry, offer))
    losses = registries.losses
    first = list(isolation.inspect([losses]))
    assert set(loaded) == set(losses.names())
    loaded.clear()
    assert list(isolation.inspect([losses])) == first
    assert loaded == []
    kept = json.loads((tmp_path / "kept" / "summaries.json").read_text())
    (changed,) = [point for point in kept["plugins"] if " huber " in point]
    kept["plugins"][changed][-1][0] -= 1  # as if the file had been edited since
    (tmp_path / "kept" / "summaries.json").write_text(json.dumps(kept))
    assert list(isolation.inspect([losses])) == first
    assert set(loaded) == {"huber"}


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"definitions": 1}', '{"definitions": HERE, "plugins": {"a": [1]}}']
)
def test_damaged_summaries_are_read_again(damage, tmp_path, monkeypatch):
    file = tmp_path / "summaries.json"
    monkeypatch.setattr(summaries, "FILE", str(file))
    file.write_text(damage.replace("HERE", json.dumps(summaries.definitions())))
    assert [one.summary for one in isolation.inspect([registries.losses]) if one.offer.name == "mse"] == [
        registries.losses.get("mse").summary
    ]
    assert "mse" in file.read_text()
