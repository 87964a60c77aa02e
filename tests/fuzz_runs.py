"""Damage the files of a run at random, and give the run to every command that reads or deletes runs.

    python tests/fuzz_runs.py NUMBER [FIRST [COMMAND ...]]

carries out the cases FIRST, FIRST + 1, ... (the number of a case is its seed), of all commands or of those given.

No command may end in a traceback or take long, the commands over several runs have to show the others, and nothing
outside the directory of the damaged run may be read, written or deleted.
"""

import contextlib
import copy
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import load_file, save

import lossreg
from lossreg import cli
from lossreg.experiment.storage import digests

LIMIT = 60
"""Seconds that a command may take; on a quiet machine none takes 5."""
CONFIG = {
    "data": {"name": "iris", "test": 0.5},
    "model": "linear",
    "optimizer": "adam",
    "loss": "cross_entropy",
    "train": {"epochs": 4, "batch_size": 25, "checkpoint_epochs": 1},
}
TEXTS = (
    *("config.yaml", "data.json", "environment.json", "status.json", "metrics.jsonl", "timings.jsonl", ".lossreg"),
    *("origin.json", "labels.json"),
)
TENSORS = ("weights.safetensors", "predictions.safetensors", "checkpoints/STEP")
OTHERS = ("log.txt", ".lock", ".lock.owner", "checkpoints", "summary.json", "proposal.json")
ROWS = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5.1,3.5,1.4,0.2\n6.3,2.9,5.6,1.8\n"
SECRET = "SECRET-" + "0123456789"
ODD = [
    *(None, True, False, -1, 0, 3, 10**30, -(10**400), 1e308, -1e308, 5e-324, float("nan"), float("inf"), [], {}, ""),
    *(
        "nan",
        "-inf",
        "x" * 200_000,
        "\x1b[2J\x1b[H",
        "\ud800",
        "=1+1",
        "../../../outside",
        "/",
        "a\0b",
        "a\nb",
        "\u202e",
    ),
    *(
        [[]],
        [[[1]]],
        {"a": {"b": []}},
        [None, 3, "x"],
        {"name": 3},
        {"name": "no such name"},
        [1] * 5000,
        2**63,
        10**18,
    ),
]


def templates(root):
    """A finished run, an interrupted one, and one that began with the weights of another: cases get copies of them."""

    class Interrupting(lossreg.Progress):
        def epoch(self, record):
            if record["epoch"] == 2:
                os.kill(os.getpid(), signal.SIGINT)

    finished = lossreg.run(CONFIG, root=root, tags=["tag"], note="a note").path
    with contextlib.suppress(KeyboardInterrupt):
        lossreg.run({**CONFIG, "seed": 1}, root=root, progress=Interrupting())
    (interrupted,) = (path for path in root.iterdir() if path != finished)
    with contextlib.suppress(KeyboardInterrupt):
        lossreg.resume(finished, root=root / "began", progress=Interrupting(), changes=["train.batch_size=30"])
    (began,) = (root / "began").iterdir()
    return finished, interrupted, began


def is_small(path):
    """Whether a path is a regular file that fits into memory."""
    return path.is_file() and not path.is_symlink() and path.stat().st_size < 10**8


class Case:
    """One damaged run beside an undamaged one, and something outside that is not theirs."""

    def __init__(self, seed, folder, finished, interrupted, began):
        self.random, self.folder, self.log = random.Random(seed), folder, []  # noqa: S311  damage, not secrets
        self.root, self.outside = folder / "runs", folder / "outside"
        self.root.mkdir()
        template = self.random.choice([finished, interrupted, interrupted, began])
        self.good = self.copy(finished, finished.name[:-6] + "000000")
        self.path = self.copy(template, template.name[:-6] + "ffffff")
        self.outside.mkdir()
        self.rows = folder / "rows.csv"
        self.rows.write_text(ROWS)
        self.step = max(path.name for path in (self.path / "checkpoints").iterdir())
        self.make_outside()
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            self.damage()

    def copy(self, template, name):
        path = self.root / name
        shutil.copytree(template, path)
        marker = json.loads((path / ".lossreg").read_text())
        (path / ".lossreg").write_text(json.dumps({**marker, "directory": name}))
        return path

    def make_outside(self):
        """Files that could be taken for those of a run, each with the secret."""
        record = json.dumps({"epoch": 1, "step": 3, SECRET: 1.0})
        contents = {
            "status.json": json.dumps({"status": "finished", "error": SECRET, "step": 3}),
            "metrics.jsonl": f"{record}\n",
            "timings.jsonl": f"{record}\n",
            "config.yaml": json.dumps({**CONFIG, "loss": {"name": SECRET}}),
            "environment.json": json.dumps({"name": SECRET, "python": SECRET, "config": {}, "plugins": []}),
        }
        for name in (*TEXTS, *TENSORS, *OTHERS):
            flat = name.replace("STEP", self.step).replace("/", "_")
            self.outside.joinpath(flat).write_text(contents.get(name, SECRET))
        classes = {"classes": json.dumps([SECRET, "b", "c"])}
        labels = {"prediction": np.zeros(9, int), "target": np.zeros(9, int)}
        self.outside.joinpath("predictions.safetensors").write_bytes(save(labels, classes))
        self.outside.joinpath("folder").mkdir()
        self.outside.joinpath("folder", self.step).write_text(SECRET)
        self.outside.joinpath("folder", ".x.part").write_text(SECRET)

    def damage(self):
        name = self.random.choice([*TEXTS, *TEXTS, *TENSORS, *OTHERS]).replace("STEP", self.step)
        path = self.path / name
        acts = [self.missing, self.special, self.linked, self.linked, self.bytes, self.bytes, self.huge]
        if path.suffix in {".json", ".jsonl", ".yaml"} or name == ".lossreg":
            acts += [self.types, self.types, self.types, self.types, self.deep, self.deep]
        if name == "config.yaml":
            acts += [self.code]
        if path.suffix == ".safetensors":
            acts += [self.tensors, self.tensors, self.tensors]
        acts += [self.extra] * 2
        act = self.random.choice(acts)
        self.log.append(f"{act.__name__} {name}")
        with contextlib.suppress(NotADirectoryError):  # earlier damage is in the way
            act(path)

    def code(self, path):
        """A loss that is a Python file: running the config runs it, and reading the results must not."""
        file = self.path / "evil.py"
        file.write_text(f"from pathlib import Path\nPath({str(self.outside / 'ran')!r}).touch()\n")
        self.remove(path)
        path.write_text(json.dumps({**CONFIG, "loss": {"name": str(file)}}))

    def remove(self, path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True) if not path.parent.is_symlink() else None

    def missing(self, path):
        self.remove(path)

    def special(self, path):
        """A pipe, a directory, a socket, or a full directory in the place of a file."""
        kind = self.random.choice(["fifo", "directory", "socket", "full directory"])
        self.log.append(kind)
        self.remove(path)
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as made:  # the path may be too long
                made.bind(str(path))
        else:
            path.mkdir()
            if kind == "full directory":
                (path / "x").write_text("x")

    def linked(self, path):
        flat = path.relative_to(self.path).as_posix().replace("/", "_")
        target = self.random.choice([flat, flat, flat, "folder", "absent", "loop", "/dev/zero", "self"])
        self.log.append(target)
        self.remove(path)
        if target == "loop":
            path.symlink_to(path.name)
        elif target == "self":
            path.symlink_to(".")
        else:
            path.symlink_to(target if target.startswith("/") else self.outside / target)

    def bytes(self, path):
        """Empty, cut, extended, or with other bytes in it."""
        if not is_small(path):
            return
        content = bytearray(path.read_bytes())
        kind = self.random.choice(["empty", "cut", "flipped", "garbage", "longer", "text", "zeros"])
        self.log.append(kind)
        if kind == "empty":
            content = b""
        elif kind == "cut":
            content = content[: self.random.randrange(len(content) + 1)]
        elif kind == "flipped":
            for _ in range(self.random.randrange(1, 20) if content else 0):
                content[self.random.randrange(len(content))] = self.random.randrange(256)
        elif kind == "garbage":
            content = self.random.randbytes(self.random.randrange(1, 3000))
        elif kind == "longer":
            content += self.random.randbytes(self.random.randrange(1, 300))
        elif kind == "zeros":
            content = bytes(len(content))
        else:
            content = self.random.choice(
                ["null", "[]", "{}", "3", '"x"', "[1, 2]\n3", "\n\n\n", "{", "NaN", "- a\n- b"]
            ).encode()
        path.write_bytes(content)

    def huge(self, path):
        """A hundred gigabytes that take no space, or a few megabytes that do."""
        if not is_small(path):
            return
        if self.random.random() < 0.5:
            os.truncate(path, 10**11)
            return
        text = self.random.choice(
            [
                "[" + "1," * 2_000_000 + "1]",
                json.dumps({f"key{number}": number for number in range(50_000)}),
                "".join(json.dumps({"epoch": n, "step": n, f"test_{n}": 0.5}) + "\n" for n in range(20_000)),
                "".join(json.dumps({"epoch": n, "step": n, "test_loss": 0.5}) + "\n" for n in range(20_000)),
                "x" * 5_000_000,
                "\n" * 100_000,
            ]
        )
        path.write_text(text)

    def deep(self, path):
        depth = self.random.choice([40, 60, 500, 900, 60_000])
        path.unlink(missing_ok=True) if not path.is_dir() else self.remove(path)
        lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
        lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
        choices = [
            "[" * depth + "]" * depth,
            "[" * depth,
            '{"epoch": 1, "step": 2, "config": ' + '{"a": ' * depth + "1" + "}" * depth + "}",
            '{"loss": {"name": "mse", "x": ' + "[" * depth + "]" * depth + "}}",
            "\n".join(lines),
            "- " * min(depth, 900) + "x",
        ]
        path.write_text(self.random.choice(choices))

    def types(self, path):
        """Other values, keys that are missing and keys that are new, anywhere in the content."""
        if not is_small(path):
            return
        try:
            text = path.read_text()
            content = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else None
            if content is None:
                content = [yaml.safe_load(text)]  # JSON is YAML
        except (ValueError, RecursionError, yaml.YAMLError):
            return
        if path.suffix == ".json" and self.random.random() < 0.7 and isinstance(content[0], dict):
            content[0].pop(digests.KEY, None)  # or else the digest is all that is looked at
        for _ in range(self.random.choice([1, 1, 2, 5]) if content else 0):
            self.change(content)
        path.write_text("".join(json.dumps(one) + "\n" for one in content))

    def change(self, content):
        """Change one thing in a tree."""
        at, key = content, 0
        while True:
            inner = at[key]
            if not isinstance(inner, dict | list) or not inner or self.random.random() < 0.2:
                break
            at, key = inner, self.random.choice([*inner] if isinstance(inner, dict) else range(len(inner)))
        act = self.random.choice(["replace", "replace", "replace", "delete", "add"])
        if act == "replace" or at is content:
            at[key] = copy.deepcopy(self.random.choice(ODD))
        elif act == "delete":
            del at[key]
        elif isinstance(at, dict):
            at[self.random.choice(["", "\x1b[2J", "x" * 500, "=1+1", "a.b", "name", "loss", "run", "age"])] = (
                copy.deepcopy(self.random.choice(ODD))
            )
        else:
            at.append(copy.deepcopy(self.random.choice(ODD)))

    def tensors(self, path):
        """Other shapes, types and values, and names that are missing."""
        if not is_small(path):
            return
        try:
            arrays = dict(load_file(path))
        except Exception:  # noqa: BLE001  it has been damaged before
            return
        header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
        metadata = header.get("__metadata__", {})
        if self.random.random() < 0.7:  # or else the digest is all that is looked at
            metadata.pop(digests.KEY, None)
            metadata = {key: text.replace(digests.KEY, "none") for key, text in metadata.items()}
        for _ in range(self.random.choice([1, 1, 2])):
            name = self.random.choice([*arrays, "new"])
            shape = self.random.choice([(), (0,), (1,), (3, 4), (2, 2, 2), (75,), (75, 1), (10_000,), (0, 3), (75, 0)])
            dtype = self.random.choice(["f2", "f4", "f8", "i1", "i8", "u1", "u8", "?", "i4"])
            value = self.random.choice([0, 1, 2, 3, 100, np.nan, np.inf, -1, 1e9, 1e300, -1e300, 2**63])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                other = np.full(shape, value).astype(dtype)
            act = self.random.choice(["set", "set", "delete", "cast", "one", "metadata"])
            if act == "delete":
                arrays.pop(name, None)
            elif act == "cast" and name in arrays:
                arrays[name] = arrays[name].astype(dtype)
            elif act == "one" and name in arrays and arrays[name].size:
                array = arrays[name].copy()
                with contextlib.suppress(OverflowError, ValueError), np.errstate(all="ignore"):
                    array.flat[self.random.randrange(array.size)] = value
                arrays[name] = array
            elif act == "metadata":
                key = self.random.choice([*metadata, "classes", "lossreg"])
                metadata[key] = self.random.choice(
                    [
                        *(
                            "",
                            "[]",
                            "{}",
                            "3",
                            "null",
                            '["a"]',
                            "[1, 2, 3]",
                            '["a", "b", "c"]',
                            "[" * 60_000,
                            "x" * 100_000,
                        ),
                        *(
                            '{"step": 6}',
                            '{"step": 6, "sizes": []}',
                            '{"step": "6", "sizes": {}}',
                            json.dumps(["c"] * 50_000),
                        ),
                        *('{"step": 6, "sizes": {"metrics.jsonl": -5}}', '{"step": 6, "sizes": {"../../outside": 0}}'),
                    ]
                )
            else:
                arrays[name] = other
        path.write_bytes(save(arrays, metadata))

    def extra(self, _):
        """Something else in the run's directory, or another name for it."""
        kind = self.random.choice(["notes", "name", "link", "part", "folder", "inner", "renamed", "stamp", "bytes"])
        self.log.append(kind)
        if kind == "notes":
            (self.path / "notes.txt").write_text("mine")
        elif kind == "name":
            (self.path / "\x1b[2J\nx").write_text("mine")
        elif kind == "bytes":
            (self.path / os.fsdecode(b"\xff\xfe")).touch()
        elif kind == "link":
            self.remove(self.path / "elsewhere")
            (self.path / "elsewhere").symlink_to(self.outside / "folder")
        elif kind == "part":
            self.remove(self.path / ".x.part")
            (self.path / ".x.part").symlink_to(self.outside / "log.txt")
        elif kind == "folder":
            (self.path / "src").mkdir(exist_ok=True)
            (self.path / "src" / "link").symlink_to(self.outside) if not (
                self.path / "src" / "link"
            ).is_symlink() else None
        elif kind == "inner":
            shutil.copytree(self.good, self.path / self.good.name, dirs_exist_ok=True)
        else:
            name = "\x1b[2J=1" if kind == "renamed" else "99999999T999999.999999Z-x"
            self.path = self.path.rename(self.path.with_name(name))

    def commands(self):
        """The commands, and whether each has to succeed whatever the run is like."""
        both, bad = [str(self.good), str(self.path)], str(self.path)
        runs = ["--runs", str(self.root)]
        yield ["runs", *runs], True
        yield ["runs", *runs, "--json"], True
        yield ["runs", *runs, "--csv", "--sort", "test_loss"], True
        yield ["runs", *runs, "--where", "test_accuracy>0.1", "--where", "optimizer.lr<1"], True
        yield ["compare", *both, *runs], True
        yield ["compare", *both, *runs, self.random.choice(["--json", "--csv"])], True
        yield ["report", *both, *runs, "-o", str(self.folder / "report.html")], True
        if not any(line.startswith("code") for line in self.log):
            yield ["predict", bad, str(self.rows), *runs], False
            yield ["resume", bad, *runs], False
        if not any("config.yaml" in line or "extra" in line for line in self.log):  # it might train for years
            yield ["resume", bad, *runs, "--force"], False
        yield ["runs", *runs], True
        yield ["prune", *runs, "--where", "age>1s", "--where", f"run!={self.good.name}"], True
        yield ["prune", *runs, "--keep-best", "1", "--by", "test_loss"], False
        yield ["prune", *runs, "--where", f"run={self.path.name}", "--yes"], False
        yield ["rm", bad, *runs, "--yes"], False


def snapshot(folder):
    """All that is below a directory, links not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[path.relative_to(folder)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
    return found


class Opened:
    """Watches which files this process opens: an audit hook cannot be removed, only ignored."""

    def __init__(self):
        self.outside, self.found = None, []
        sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        if self.outside is None or event not in {"open", "os.listdir", "os.scandir"}:
            return
        path = arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return
        path = Path(os.fsdecode(path))
        not_followed = event == "open" and arguments[2] & os.O_NOFOLLOW
        self.outside, outside = None, self.outside
        place = path.parent.resolve() / path.name if not_followed else Path(os.path.realpath(path))
        self.outside = outside
        if place.is_relative_to(outside):
            self.found.append(str(path))


OPENED = Opened()


class TooLong(BaseException):
    """A command took longer than it may."""


def carry_out(arguments):
    """Run a command in this process: its exit code and what it printed, or the traceback of what it raised."""

    def stop(*_):
        raise TooLong

    out, err = io.StringIO(), io.StringIO()
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            cli.main(arguments)
    except SystemExit as error:
        return error.code, out.getvalue(), err.getvalue()
    except BaseException:  # noqa: BLE001  that is what is looked for
        return None, out.getvalue(), traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    raise AssertionError(arguments)


def failures(seed, templates, only=()):
    """What goes wrong in one case, of all commands or `only` of some, and the seconds of its slowest command."""
    found, slowest = [], (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        case = Case(seed, Path(folder).resolve(), *templates)
        outside, good = snapshot(case.outside), snapshot(case.good)
        for arguments, must_succeed in case.commands():
            if only and arguments[0] not in only:
                continue
            if not os.path.lexists(case.path) and arguments[0] in {"rm", "resume", "compare", "report", "predict"}:
                continue
            started, before = time.perf_counter(), snapshot(case.root)
            OPENED.outside, OPENED.found = case.outside, []
            code, out, err = carry_out(arguments)
            OPENED.outside = None
            slowest = max(slowest, (time.perf_counter() - started, arguments[0]))
            wrong = [*wrong_output(case, arguments[0], (code, out, err), must_succeed=must_succeed)]
            wrong += wrong_files(arguments[0], code, before, snapshot(case.root))
            if snapshot(case.outside) != outside or snapshot(case.good) != good:
                wrong.append("changed what is outside the run")
            found += [f"seed {seed} ({', '.join(case.log)}): {arguments[0]} {arguments[-1]}: {what}" for what in wrong]
            (case.folder / "report.html").unlink(missing_ok=True)
    return found, slowest


def wrong_output(case, command, done, *, must_succeed):
    """What is wrong with the exit code of a command and with what it printed and read."""
    code, out, err = done
    if code not in {0, 1, 2, 3} or "Traceback" in err or (must_succeed and code):
        yield f"code {code}\n{err}"
    elif must_succeed and command in {"runs", "compare"} and "-0000" not in out:  # names are cut where they are unique
        yield f"does not show the other run: {out[:300]}"
    page = case.folder / "report.html"
    text = out + err + (page.read_text("utf-8", "replace") if page.exists() else "")
    if SECRET in text or OPENED.found:
        yield f"read outside: {OPENED.found}"
    if hidden := re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", out + err):
        yield f"prints control characters: {(out + err)[max(hidden.start() - 100, 0) : hidden.end() + 100]!r}"


def wrong_files(command, code, before, after):
    """What is wrong with the files after a command."""
    if command in {"prune", "rm"} and code == 2 and after != before:
        yield "deleted something although it refused"
    if command in {"runs", "compare", "report", "predict"} and after != before:
        yield "changed a run"


def main():
    """Carry out cases, and print what went wrong."""
    number, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    bad, slowest, started = 0, (0.0, "", 0), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = templates(Path(folder))
        for seed in range(first, first + number):
            found, slow = failures(seed, made, sys.argv[3:])
            slowest = max(slowest, (*slow, seed))
            bad += bool(found)
            for line in found:
                sys.stdout.write(f"{line}\n")
            if (seed - first) % 100 == 0:
                sys.stdout.write(f"seed {seed}, {time.perf_counter() - started:.0f} s\n")
            sys.stdout.flush()
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{number} cases, {bad} failed, {seconds:.0f} s, the slowest command {slowest}\n")


if __name__ == "__main__":
    main()
