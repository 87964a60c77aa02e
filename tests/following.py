"""Follow a document as a reader would: write the files that it shows, run its commands, compare what they print.

A block with a title is a file. Blocks of sh are run by bash, and blocks of python in one namespace, all in one folder.
A block of text after one of these is what it prints, where `...` stands for anything.
"""

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Step(NamedTuple):
    kind: str
    title: str
    code: str
    expected: str


def steps(text):
    """The blocks of a document, each with the text that is shown after it."""
    found = []
    blocks = [match.groups() for match in BLOCK.finditer(text)]
    for (kind, title, code), after in zip(blocks, [*blocks[1:], ("", "", "")], strict=True):
        if title or kind != "text":
            shown = after[2] if after[0] == "text" and not after[1] else ""
            found.append(Step(kind, title or "", code, shown))
    return found


def follow(text, folder):
    """Do the steps of a document in a folder; yields those that print something, with what they print."""
    space = {"__name__": "__main__"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(folder), "COLUMNS": "100"}
    with contextlib.chdir(folder), importable(folder):
        for step in steps(text):
            if step.title:
                Path(step.title).parent.mkdir(parents=True, exist_ok=True)
                Path(step.title).write_text(step.code)
            elif step.kind == "sh":
                command = ["bash", "-e", "-c", step.code]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{step.code}{done.stdout}{done.stderr}"
                yield step, done.stdout
            elif step.kind == "python":
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compile(step.code, "<document>", "exec"), space)  # noqa: S102  the document's own code
                yield step, out.getvalue()


@contextlib.contextmanager
def importable(folder):
    """Files of a folder can be imported, as where Python is started there; afterwards they are forgotten."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


def compare(step, printed):
    """Fail if a step prints something else than the document shows; nothing is compared if it shows nothing."""
    if step.expected:
        same = doctest.OutputChecker().check_output(step.expected, printed, RULES)
        assert same, f"{step.code}\nexpected:\n{step.expected}\nprinted:\n{printed}"
