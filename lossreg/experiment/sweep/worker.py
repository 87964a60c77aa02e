"""A process that runs trials: it reads one task in JSON per line, and answers each with the status and a warning.

When its input ends, because the sweep has stopped or its process is gone, the worker ends too: the current trial
finishes its step and writes a checkpoint, as after a SIGTERM.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from lossreg.experiment.storage import files, marked_directories
from lossreg.experiment.sweep.run_trial import run_trial

if TYPE_CHECKING:
    from typing import TextIO


def main() -> None:
    """Run trials until the input ends."""
    # What a trial prints goes to its log, so that it cannot mix with the answers.
    answers, stderr = os.fdopen(os.dup(1), "w"), os.dup(2)
    os.dup2(stderr, 1)
    faulthandler.enable()
    tasks: SimpleQueue[str] = SimpleQueue()
    Thread(target=listen, args=(sys.stdin, tasks), daemon=True).start()
    while True:
        task, warning = json.loads(tasks.get()), ""
        folder = Path(task["path"])
        try:
            marked_directories.ensure(folder, "run")
            with files.opened(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as log:
                redirect_output(log)
            status = run_trial(**task)
        except KeyboardInterrupt:
            os._exit(130)  # without waiting for the listening thread, which may be reading
        except OSError as error:  # the directory cannot be used, but other trials can be run
            status, warning = "failed", f"{folder}: {error}"
        redirect_output(stderr)
        print(json.dumps([status, warning]), file=answers, flush=True)


def listen(lines: TextIO, tasks: SimpleQueue[str]) -> None:
    """Queue the tasks that arrive, and end this process when the input ends."""
    for line in lines:
        tasks.put(line)
    os.kill(os.getpid(), signal.SIGTERM)


def redirect_output(descriptor: int) -> None:
    """Redirect everything that this process prints, including compiled libraries, to an open file."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        os.dup2(descriptor, number)


if __name__ == "__main__":
    main()
