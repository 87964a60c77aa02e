"""`lossreg new` writes a loss that passes `lossreg check`, and a file is enough to check, show and train a loss."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest


def lossreg(*arguments, cwd):
    command = [sys.executable, "-m", "lossreg", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ})


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A new environment with the packages of the one that runs the tests, so that nothing is downloaded."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    (packages,) = home.rglob("site-packages")
    parents = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    packages.joinpath("parent.pth").write_text("".join(f"import site; site.addsitedir({x!r})\n" for x in parents))
    return next(home.glob("*/python"))


@pytest.mark.slow  # 25 s of processor time
@pytest.mark.parametrize("kind", ["element", "row", "batch"])
def test_a_new_loss_installs_lists_passes_every_check_and_trains(kind, environment, tmp_path):
    def typed(*arguments, cwd=tmp_path):
        command = [environment, "-m", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    name, folder = f"new_{kind}", tmp_path / f"new_{kind}"
    typed("lossreg", "new", name, "--kind", kind)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"README.md", "pyproject.toml", "config.yaml", f"{name}.py", f"tests/test_{name}.py"}
    assert "$" not in "".join(folder.joinpath(file).read_text() for file in files)
    offline = ("--no-index", "--no-build-isolation", "--disable-pip-version-check")
    typed("pip", "install", *offline, "-e", f"./{name}[test]")
    assert name in typed("lossreg", "list").split()
    assert f"from  lossreg-new-{kind} 0.1.0" in typed("lossreg", "show", name)
    assert " checks passed" in typed("lossreg", "check", name)
    assert " passed" in typed("pytest", "-q", cwd=folder)
    typed("lossreg", "run", "config.yaml", "--runs", "runs", cwd=folder)
    epochs = next(folder.joinpath("runs").rglob("metrics.jsonl")).read_text().splitlines()
    first, *_, last = (json.loads(line)["test_loss"] for line in epochs)
    assert last < first / 2


@pytest.mark.slow  # 5 s of processor time
def test_a_file_that_is_not_installed_is_shown_checked_and_trained(tmp_path):
    lossreg("new", "my_loss", cwd=tmp_path)
    folder = tmp_path / "my_loss"
    shown = lossreg("show", "./my_loss.py", cwd=folder)
    assert f'    name: "{folder / "my_loss.py"}"' in shown.stdout
    assert " checks passed" in lossreg("check", "./my_loss.py", "--level", "quick", cwd=folder).stdout
    trained = lossreg("run", "config.yaml", "--set", "loss=./my_loss.py", "--runs", "runs", cwd=folder)
    assert trained.returncode == 0, trained.stderr
    assert "train_loss" in next(folder.joinpath("runs").rglob("metrics.jsonl")).read_text()


def test_a_new_loss_does_not_overwrite_anything(tmp_path):
    tmp_path.joinpath("mine").mkdir()
    again, odd = lossreg("new", "mine", cwd=tmp_path), lossreg("new", "My-Loss", cwd=tmp_path)
    assert (again.returncode, odd.returncode) == (2, 2)
    assert "mine: exists already; nothing was written" in again.stderr
    assert "got 'My-Loss'" in odd.stderr
    assert "that is no keyword of Python; got 'class'" in lossreg("new", "class", cwd=tmp_path).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow  # 9 s of processor time
def test_a_wrong_slope_fails_the_check_with_exit_code_1(tmp_path):
    lossreg("new", "half", cwd=tmp_path)
    source = tmp_path / "half" / "half.py"
    source.write_text(source.read_text().replace("slope = T(2) * scale", "slope = scale"))
    checked = lossreg("check", str(source), cwd=tmp_path)
    assert checked.returncode == 1
    assert "slopes_are_derivatives" in checked.stdout


def test_a_file_that_is_missing_broken_or_named_like_a_module_is_explained(tmp_path):
    Path(tmp_path, "broken.py").write_text("raise ValueError('no such luck')")
    Path(tmp_path, "argparse.py").write_text("")
    for file, message in {
        "missing.py": "there is no file 'missing.py' to read a loss from",
        "broken.py": "ValueError: no such luck",
        "argparse.py": "another module is named 'argparse'; rename the file",
    }.items():
        checked = lossreg("check", str(tmp_path / file) if file != "missing.py" else file, cwd=tmp_path.parent)
        assert checked.returncode == 2
        assert message in checked.stderr
        assert "Traceback" not in checked.stderr


@pytest.mark.slow  # 4 s of processor time
def test_pytest_runs_the_kit_on_the_losses_of_a_distribution(tmp_path):
    lossreg("new", "my_loss", cwd=tmp_path)
    folder = tmp_path / "my_loss"
    metadata = folder / "my_loss-0.1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: my-loss\nVersion: 0.1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[lossreg.losses]\nmy_loss = my_loss\n")
    source = folder / "my_loss.py"
    source.write_text(source.read_text().replace("slope = T(2) * scale", "slope = scale"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--lossreg",
        "--lossreg-level=quick",
        "-k",
        "slopes_are_derivatives",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'slopes_are_derivatives: lossreg.get("my_loss").at(' in done.stdout
    assert "2 failed" in done.stdout.splitlines()[-1]  # the distribution has a test of its own for each check
