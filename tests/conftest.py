"""What pytest leaves alone unless it is asked for by name, and the sweeps that tests and live tests begin.

golden needs PyTorch, live that and more (the extra of that name), browser needs Chromium.
"""

import os
import signal
import subprocess
import sys

import pytest
from sweeping import LONG

import lossreg

collect_ignore = ["browser", "golden", "live"]


def pytest_configure():
    """Receive Ctrl-C: a shell has its background jobs ignore it, and so would every process that a test starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def sweep(tmp_path):
    """Write a config and begin its sweep: the process, which prints to `out`."""

    def begin(text, *options, root="runs", **changes):
        tmp_path.joinpath("x.yaml").write_text(text)
        command = [sys.executable, "-m", "lossreg", "sweep", "x.yaml", "--runs", root, *options]
        site = os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": site, **changes}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes))
        return begun[-1]

    begun = []
    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The long sweep that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    folder.joinpath("x.yaml").write_text(LONG)
    return lossreg.sweep(folder / "x.yaml", root=folder / "runs", jobs=2).path
