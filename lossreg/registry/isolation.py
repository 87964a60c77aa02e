"""Load plugins that were not asked for by name, without letting any of them harm this process.

`lossreg list`, `lossreg schema` and the like load every plugin that is installed. A plugin of another distribution may
do anything as it is imported: end the process, close its output, raise what nothing catches, or never return. So it is
first loaded in a child process, which answers in JSON. Plugins of lossreg itself, and components registered at run
time, are loaded in this process at once.

One child loads plugin after plugin until one fails. That failure counts only if the plugin was the first in its child;
otherwise it is tried again in a child of its own, so that what one plugin breaks is never blamed on another.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from lossreg.errors import BrokenPlugin, InvalidInput, alternatives
from lossreg.registry.loading import Kind, explain
from lossreg.registry.registries import REGISTRIES, Offer, Registry
from lossreg.registry.summaries import Summaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

OWN = "lossreg"
SECONDS = 60
"""How long a child may take."""
CHILD = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from lossreg.registry.isolation import answer
answer()
"""


class Inspection(NamedTuple):
    """What is known of an offer after loading it: summary, a loss's task and sparkline, or why it cannot be used."""

    registry: Registry[Any]
    offer: Offer[Any]
    summary: str = ""
    task: str = ""
    sparkline: str = ""
    error: str = ""


def inspect(registries: Iterable[Registry[Any]]) -> Iterator[Inspection]:
    """Load every offer of some registries, and yield what is known of each, in order."""
    offers = [(registry, offer) for registry in registries for offer in registry.offers()]
    isolated = inspect_isolated([pair for pair in offers if not is_trusted(pair[1])])
    summaries = Summaries()
    for registry, offer in offers:
        yield inspect_own(registry, offer, summaries) if is_trusted(offer) else next(isolated)
    summaries.keep()


def with_task(inspections: Iterable[Inspection], task: str) -> list[Inspection]:
    """Return those of the losses for a task; raises InvalidInput if there are none."""
    found = [one for one in inspections if one.task]
    tasks = {one.task for one in found}
    if not tasks:
        raise InvalidInput(f"task {task!r}: only losses have a task")
    if task not in tasks:
        raise InvalidInput(f"no loss is for the task {task!r}; {alternatives(task, tasks, 'tasks')}")
    return [one for one in found if one.task == task]


def usable(registry: Registry[Kind]) -> Iterator[tuple[Offer[Kind], Kind]]:
    """Yield every offer of a registry that can be used, with its component loaded in this process."""
    for inspection in inspect([registry]):
        if inspection.error:
            continue
        try:
            component = registry.load(inspection.offer)
        except BrokenPlugin:  # here, although not in the child
            continue
        yield inspection.offer, component


def load(registry: Registry[Kind], offer: Offer[Kind]) -> Kind:
    """Load an offer in this process once a child has done so unharmed; raises BrokenPlugin."""
    for inspection in () if is_trusted(offer) else inspect_isolated([(registry, offer)]):
        if inspection.error:
            raise BrokenPlugin(inspection.error)
    return registry.load(offer)


def is_trusted(offer: Offer[Any]) -> bool:
    """Return whether loading an offer runs no code of another distribution."""
    return offer.registered is not None or offer.distribution == OWN


def inspect_own(registry: Registry[Any], offer: Offer[Any], summaries: Summaries) -> Inspection:
    """Return what is known of a trusted offer: from its summary, if one is kept, or else by loading it."""
    point = f"{registry.group} {offer.name} {offer.value} {offer.version}"
    kept = None if offer.registered else summaries.find(point)
    if kept:
        return Inspection(registry, offer, kept.summary, kept.task, kept.sparkline)
    inspection = inspect_here(registry, offer)
    if not (offer.registered or inspection.error):
        summaries.add(point, registry.load(offer), inspection.sparkline)
    return inspection


def inspect_here(registry: Registry[Any], offer: Offer[Any]) -> Inspection:
    """Load an offer in this process."""
    try:
        component = registry.load(offer)
        return Inspection(registry, offer, component.summary, getattr(component, "task", ""), drawn(component))
    except BrokenPlugin as error:
        return Inspection(registry, offer, error=str(error))
    except Exception as error:  # noqa: BLE001  a component that fails to describe itself
        return Inspection(registry, offer, error=str(registry.broken(offer, explain(error))))


def drawn(component: Any) -> str:
    """Return the sparkline of a loss by element; nothing for other components."""
    if not hasattr(component, "forms"):
        return ""
    from lossreg.definition.plain_python.shown_points import sparkline

    return sparkline(component.forms[0], component.at)


def inspect_isolated(offers: Sequence[tuple[Registry[Any], Offer[Any]]]) -> Iterator[Inspection]:
    """Load offers in child processes; yield what is known of each, in order."""
    waiting = list(offers)
    while waiting:
        answers, end = run_child(waiting)
        registry, offer = waiting[0]
        if not answers:
            yield Inspection(registry, offer, error=str(registry.broken(offer, end)))
            del waiting[0]
            continue
        for index, known in enumerate(answers):
            if known[-1] and index:
                break  # try it again, as the first of its child
            registry, offer = waiting.pop(0)
            yield Inspection(registry, offer, *known)


def run_child(offers: Sequence[tuple[Registry[Any], Offer[Any]]]) -> tuple[list[list[str]], str]:
    """Start a child on some offers; return its answers, until one fails, and in words how the child ended."""
    import json  # with the others 20 ms that are only needed if there are plugins of others
    import subprocess
    from tempfile import TemporaryFile

    request = [
        [registry.group, offer.name, offer.distribution, offer.version, offer.value] for registry, offer in offers
    ]
    path = [entry for entry in sys.path if isinstance(entry, str)]
    with TemporaryFile() as output:  # a pipe would stay open as long as any process that a plugin has left behind
        try:
            done = subprocess.run(  # noqa: S603  this interpreter, on our own code
                [sys.executable, "-c", CHILD, json.dumps(path)],
                input=json.dumps(request).encode(),
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
            end = f"loading it ended the process, with exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            end = f"loading it took longer than {SECONDS} seconds"
        output.seek(0)
        return list(read_answers(output.read(), len(offers))), end


def read_answers(output: bytes, count: int) -> Iterator[list[str]]:
    """Yield at most `count` answers from what a child wrote, up to the first line that is no answer."""
    import json

    for line in output.splitlines(keepends=True)[:count]:
        try:
            found = json.loads(line)
        except ValueError:
            return
        if not (line.endswith(b"\n") and isinstance(found, list) and list(map(type, found)) == [str] * 4):
            return
        yield found


def answer() -> None:
    """Load offers as the child: read them from standard input, and write a line about each, until one fails."""
    import json

    offers = json.load(sys.stdin)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")  # where plugins do not print
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    streams = sys.stdout, sys.stderr
    for group, *fields in offers:
        registry = next(registry for registry in REGISTRIES if registry.group == group)
        offer: Offer[Any] = Offer(*fields)
        try:
            seen = inspect_here(registry, offer)
        except KeyboardInterrupt as error:  # the user's ends the parent, which ends this process
            seen = Inspection(registry, offer, error=str(registry.broken(offer, explain(error))))
        if not (seen.error or are_intact(streams)):
            cause = "importing it closes or replaces the standard output"
            seen = seen._replace(error=str(registry.broken(offer, cause)))
        print(json.dumps([seen.summary, seen.task, seen.sparkline, seen.error]), file=output, flush=True)
        if seen.error:
            break
    os._exit(0)  # whatever threads or exit handlers the plugins have started


def are_intact(streams: tuple[Any, Any]) -> bool:
    """Return whether standard output and standard error are these streams, and open."""
    try:
        return (sys.stdout, sys.stderr) == streams and all(os.fstat(stream.fileno()) for stream in streams)
    except (OSError, ValueError):  # the descriptor is closed; the stream is closed or detached
        return False
