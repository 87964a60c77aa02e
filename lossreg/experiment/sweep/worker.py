"""A process that runs trials: one for each line of JSON that comes in, which it answers with the trial's status.

Once nothing can come in any more, because whoever asked has stopped or is gone, it ends: the trial at hand finishes its
step and leaves a checkpoint, as after any SIGTERM.
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

from lossreg.experiment.storage import directories, files
from lossreg.experiment.sweep.run_trial import work

if TYPE_CHECKING:
    from typing import TextIO


def main() -> None:
    """Work until the end of the input."""
    # What a trial prints is its own: it goes to its log, and the answers elsewhere.
    answers, screen = os.fdopen(os.dup(1), "w"), os.dup(2)
    os.dup2(screen, 1)
    faulthandler.enable()
    tasks: SimpleQueue[str] = SimpleQueue()
    Thread(target=listen, args=(sys.stdin, tasks), daemon=True).start()
    while True:
        task = json.loads(tasks.get())
        folder = Path(task["path"])
        try:
            directories.ensure(folder, "run")
            with files.opened(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as log:
                redirect(log)
            status = work(**task)
        except KeyboardInterrupt:
            os._exit(130)  # without waiting for the listener, which may be reading
        except OSError as error:  # the directory cannot be used; other trials may work
            redirect(screen)
            sys.stderr.write(f"lossreg: {folder}: {error}\n")
            status = "failed"
        redirect(screen)
        print(json.dumps(status), file=answers, flush=True)


def listen(lines: TextIO, tasks: SimpleQueue[str]) -> None:
    """Take in tasks, and end this process when there can be no more."""
    for line in lines:
        tasks.put(line)
    os.kill(os.getpid(), signal.SIGTERM)


def redirect(to: int) -> None:
    """Let all that is printed, by libraries too, go to an open file."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        os.dup2(to, number)


if __name__ == "__main__":
    main()
