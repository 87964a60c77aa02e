"""Stop a run at a random moment, resume it, stop it again, until it is finished; a child process for each attempt.

python tests/crashes.py CONFIG ROOT SIGNAL SEED ...     # prints each run's directory and number of stops
"""

import json
import os
import random
import signal
import sys
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.experiment.storage import files
from lossreg.experiment.training.steps.boosting_step import BoostingStep
from lossreg.experiment.training.steps.gradient_step import GradientStep

MOMENTS = 120
"""About as many events as a run has."""


def stop_at(moment, number):
    """Have this process send itself a signal just before an event: a step, a change on the disk, half a line of one."""
    events = count()

    def watched(function):
        def call(*arguments, **options):
            if next(events) == moment:
                if function is append and number == signal.SIGKILL:
                    path, line = arguments
                    with path.open("a") as file:
                        file.write(line[: len(line) // 2])
                os.kill(os.getpid(), number)
            return function(*arguments, **options)

        return call

    append = files.append
    files.append = watched(append)
    GradientStep.take, BoostingStep.take = watched(GradientStep.take), watched(BoostingStep.take)
    os.fsync, os.truncate = watched(os.fsync), watched(os.truncate)
    Path.replace, Path.unlink = watched(Path.replace), watched(Path.unlink)


def attempt(action, moment, number):
    """Do something in a child that is stopped at a moment; whether it got to its end."""
    child = os.fork()
    if child == 0:
        stop_at(moment, number)
        try:
            action()
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException as error:  # noqa: BLE001  a child must not go on as its parent
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 130 if number != signal.SIGKILL else -number), code
    return code == 0


def crash(config, root, number, seed):
    """Run and resume until the end; the run's directory and how often it was stopped."""
    draw, root = random.Random(seed), Path(root, f"{number}-{seed}")  # noqa: S311  moments, not secrets
    stops = 0
    while not attempt(lambda: lossreg.run(config, root=root), draw.randrange(MOMENTS), number):
        stops += 1
        if any(path.joinpath("status.json").exists() for path in root.glob("*")):
            break  # else it was stopped before there was anything to resume
    (path,) = (path for path in root.glob("*") if path.joinpath("status.json").exists())
    while json.loads(path.joinpath("status.json").read_text())["status"] != "finished":
        stops += not attempt(lambda: lossreg.resume(path), draw.randrange(MOMENTS), number)
    return path, stops


def main():
    """Print what became of each seed's run."""
    config, root, name, *seeds = sys.argv[1:]
    with suppress(ImportError):
        import_module(
            load(config).model.name
        )  # once, and not in every child; a library that has run may hang after a fork
    assert attempt(lambda: lossreg.run(config, root=Path(root, "compiled")), None, signal.SIGKILL)
    for seed in seeds:
        path, stops = crash(config, root, getattr(signal, name), int(seed))
        sys.stdout.write(f"{json.dumps([str(path), stops])}\n")


if __name__ == "__main__":
    main()
