"""The report as a live page: a server on this machine only, whose page updates itself while runs are running.

    GET /           the page of `lossreg report`, made from the directories of the runs as they are now
    GET /version    {"version": ..., "seconds": ...}: changes with the runs; how long to wait before asking again

Nothing is written, and nothing but these two is served. The server listens on the loopback address, and refuses
requests whose `Host` is another name: a page from elsewhere could otherwise read it by a name that it lets point to
this machine.
"""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import blake2b
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from socket import INADDR_LOOPBACK
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from lossreg.errors import InvalidInput, LossregError
from lossreg.experiment.report.html_page import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lossreg.experiment.storage.runs import Run

ADDRESS = str(IPv4Address(INADDR_LOOPBACK))
HOSTS = (ADDRESS, "localhost")
WATCHED = ("status.json", "metrics.jsonl", "labels.json")
"""The files of a run whose changes change the page."""
SECONDS = 2.0
"""How often a page asks for changes, at least."""
PATIENCE = 5
"""A page asks again after this many times as long as it took to make, so that it keeps no processor busy."""


class LivePage:
    """The page about some runs, made again when they have changed; runs that have not changed are not read again."""

    def __init__(self, find: Callable[[], list[Run]]) -> None:
        self.find = find
        self.known: dict[Path, tuple[tuple[int, ...], Run]] = {}
        self.made: tuple[str, str] = ("", "")
        self.seconds = SECONDS
        self.lock = Lock()

    def version(self) -> str:
        """Identify the state of the runs by the times and sizes of their files."""
        with self.lock:
            return self.look()[0]

    def look(self) -> tuple[str, list[Run]]:
        """The version, and the runs: those that are as they were when they were read last, and new ones."""
        found, digest = {}, blake2b(digest_size=12)
        for run in self.find():
            state = state_of(run)
            before, known = self.known.get(run.path, ((), run))
            found[run.path] = (state, known if before == state and known.status != "running" else run)
            digest.update(repr((str(run.path), state)).encode())
        self.known = found
        return digest.hexdigest(), [run for _, run in found.values()]

    def html(self) -> str:
        """The page as the runs are now."""
        with self.lock:
            started = perf_counter()
            version, runs = self.look()
            if version != self.made[0]:
                self.made = (version, page(runs, version=version))
                self.seconds = max(SECONDS, PATIENCE * (perf_counter() - started))
            return self.made[1]


def state_of(run: Run) -> tuple[int, ...]:
    """The times and sizes of the watched files of a run; a file that is not there has none."""
    found: list[int] = []
    for name in WATCHED:
        with suppress(OSError):
            status = (run.path / name).lstat()
            found += [status.st_mtime_ns, status.st_size]
    return (*found, run.status == "running")


def make_server(find: Callable[[], list[Run]], port: int) -> ThreadingHTTPServer:
    """Make the server of the page about the runs that `find` returns; port 0 stands for any free one.

    Raises InvalidInput if the port cannot be used.
    """
    live = LivePage(find)

    class Handler(PageHandler):
        content = live

    try:
        return ThreadingHTTPServer((ADDRESS, port), Handler)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"--port: {port} cannot be used ({error}); with --port 0 a free one is chosen") from None


class PageHandler(BaseHTTPRequestHandler):
    """Answers requests for the page and its version."""

    content: LivePage
    server_version, sys_version = "lossreg", ""

    def do_GET(self) -> None:
        """Answer a request."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in HOSTS:
            self.answer(HTTPStatus.FORBIDDEN, f"this page is for {ADDRESS} only")
            return
        try:
            if self.path == "/":
                self.answer(HTTPStatus.OK, self.content.html(), "text/html")
            elif self.path == "/version":
                content = {"version": self.content.version(), "seconds": self.content.seconds}
                self.answer(HTTPStatus.OK, json.dumps(content), "application/json")
            else:
                self.answer(HTTPStatus.NOT_FOUND, "there is no such page")
        except (LossregError, OSError) as error:  # such as a run that was deleted
            with suppress(OSError):
                self.answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def answer(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        """Send an answer, which no other site may show or read, and which is not kept."""
        data = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(data))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Print nothing for a request."""
