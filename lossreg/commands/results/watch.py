"""`lossreg watch`: follow the runs and sweeps that are running, in a terminal or in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_runs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lossreg.experiment.storage.runs import Run

CLEAR = "\x1b[H\x1b[2J"
LATEST = 5
"""How many of the runs that have ended most recently are shown."""


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show how far runs are, and their latest metrics, until none is running; Ctrl-C ends it before. Nothing is "
        "changed, and the runs do not notice. Into a pipe the state is printed once. With --page, a browser on this "
        "machine shows the report of all runs, which updates itself; Ctrl-C ends it."
    )
    command = commands.add_parser("watch", help="follow what is running", description=description)
    command.add_argument("names", nargs="*", metavar="RUN", help="runs or sweeps (default: all that are running)")
    add_runs(command)
    command.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="how often to look (default: 2)")
    command.add_argument("--page", action="store_true", help="serve the report as a page on this machine")
    command.add_argument(
        "--port", type=int, default=8765, metavar="N", help="the port of the page (default: 8765; 0 chooses a free one)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serve the page, or print the state of runs again and again."""
    if options.page:
        serve(options)
    else:
        follow(options)


def serve(options: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    import sys
    from contextlib import suppress

    from lossreg.commands.output import say
    from lossreg.experiment.report.live_page import ADDRESS, make_server
    from lossreg.experiment.storage.query import find, root_of
    from lossreg.experiment.storage.runs import runs_in

    def runs() -> list[Run]:
        return find(options.names, options.runs) if options.names else runs_in(root_of(options.runs))

    runs()  # names of which there is none are reported here
    with make_server(runs, options.port) as server, suppress(KeyboardInterrupt):
        say(f"http://{ADDRESS}:{server.server_address[1]}/ shows the runs and updates itself; Ctrl-C ends it")
        sys.stdout.flush()
        server.serve_forever()


def follow(options: argparse.Namespace) -> None:
    """Print the state of runs again and again."""
    import sys
    from time import sleep

    from lossreg.commands.output import say, width
    from lossreg.errors import InvalidInput
    from lossreg.experiment.storage.query import find, root_of
    from lossreg.experiment.storage.runs import runs_in

    if not options.every > 0:
        raise InvalidInput(f"--every: expected a number of seconds above 0, got {options.every:g}")
    while True:
        runs = find(options.names, options.runs) if options.names else runs_in(root_of(options.runs))
        running = [one for one in runs if one.status == "running"]
        if width() is not None:
            sys.stdout.write(CLEAR)
        show(runs, running)
        sys.stdout.flush()
        if not running:
            say("nothing is running")
        if not running or width() is None:
            return
        sleep(options.every)


def show(runs: Sequence[Run], running: Sequence[Run]) -> None:
    """Print a line for each sweep of which a trial is running, and tables of what is running and of what ended last."""
    from collections import Counter

    from lossreg.commands.output import say
    from lossreg.commands.results.output import print_table, short_names
    from lossreg.experiment.storage.marked_directories import is_own

    for folder in sorted({one.path.parent for one in running}):
        if is_own(folder, "sweep"):
            counts = Counter(one.status for one in runs if one.path.parent == folder)
            say(f"{folder.name}: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    ended = [one for one in runs if one.status != "running" and one.state.get("time")]
    ended.sort(key=lambda one: str(one.state["time"]))
    shown, names = [*running, *ended[-LATEST:]], short_names(runs)
    rows = [{"run": names[one], "status": one.status, "done": done(one), **latest(one)} for one in shown]
    if rows:
        print_table(list(dict.fromkeys(key for row in rows for key in row)), rows)


def done(one: Run) -> str:
    """Return how much of a run is done, by the steps or epochs of its config and of its last record."""
    train, record = one.config.get("train") or {}, one.records[-1] if one.records else {}
    for key, unit in (("steps", "step"), ("epochs", "epoch")):
        total = train.get(key)
        if isinstance(total, int) and total > 0:
            return f"{record.get(unit, 0) / total:.0%}"
    return ""


def latest(one: Run) -> dict[str, Any]:
    """Return the last metrics of a run on the rows by which it is judged, with the best loss so far."""
    from lossreg.experiment.storage.records import JUDGING, measured_on

    final = one.final
    split = next((each for each in JUDGING if f"{each}_loss" in final), "")
    best = one.best.get(f"{split}_loss")
    metrics = {key: value for key, value in final.items() if measured_on(key) == split}
    return {**metrics, "best loss": best, "seconds": max(one.times.values(), default=None)}
