"""The command, as typed: in a process of its own, with what it prints, where, and the exit code."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import jsonschema
import pytest

import lossreg
from lossreg.cli import complain, main
from lossreg.commands.results.output import print_csv, print_table, print_transposed, warn_of_problems
from lossreg.experiment.config.yaml_document import Document
from lossreg.experiment.runner import progress
from lossreg.experiment.runner.progress import ProgressBar, ProgressLines, progress_for, related_run
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.task.requirements import requirements_of
from lossreg.registry.registries import REGISTRIES

RUN = """\
data: {name: random, samples: 60, features: 3}
model: linear
optimizer: sgd
loss: mse
train: {epochs: 40}
"""

PYTHON_ONLY = {
    *("adaptive_log_softmax", "ctc", "distillation", "dpo", "kto", "linear_cross_entropy", "mixture_nll"),
    *("orpo", "rnnt", "simpo"),
}

LOSS = '''
"""Their own: a loss of another distribution."""
from lossreg.plugin import Real, hookimpl, loss

@loss
def huber(prediction: Real, target: Real):
    return prediction - target, prediction

@hookimpl
def lossreg_component():
    return huber
'''


MUTE = LOSS.replace("huber", "mute") + "\nimport sys; sys.stdout.close()\n"


def test_a_shell_completes_commands_and_options(tmp_path):
    for line, expected in (("lossreg doc", "doctor"), ("lossreg show huber --pl", "--plot")):
        asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
        answer = tmp_path / "answer"
        environment = os.environ | asked | {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
        subprocess.run([sys.executable, "-m", "lossreg"], env=environment, check=False)
        assert answer.read_text().split() == [expected]


@pytest.fixture
def command(tmp_path):
    path = os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "LOSSREG_RUNS": str(tmp_path / "runs"), "PYTHONPATH": path}

    def run(*arguments, code=0, **changes):
        done = subprocess.run(
            [sys.executable, "-m", "lossreg", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, **changes},
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def install(tmp_path):
    """Put a distribution where the command finds it, as pip would."""

    def install(distribution, points, **modules):
        site = tmp_path / "site"
        info = site / f"{distribution}-2.5.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
        info.joinpath("entry_points.txt").write_text(points)
        for name, source in modules.items():
            site.joinpath(f"{name}.py").write_text(source)

    return install


def test_help_and_version(command):
    assert "list the plugins that are installed" in command("--help").stdout
    assert command("--version").stdout == f"lossreg {lossreg.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], ["numpy", "numba", "rich", "yaml", "pluggy", "importlib.metadata", "lossreg.registry.registries"]),
        (
            ["--version"],
            ["numpy", "numba", "rich", "yaml", "pluggy", "importlib.metadata", "lossreg.registry.registries"],
        ),
        (["list", "all"], ["numpy", "numba", "rich", "yaml", "sklearn"]),
        (["show", "mlp"], ["numpy", "numba", "rich", "yaml", "sklearn"]),
    ],
)
def test_commands_import_no_more_than_they_need(command, arguments, heavy):
    command("list", "all")  # the first one imports plugins that have changed, and keeps their summaries
    code = f"""
import sys
from lossreg.cli import main
try:
    main({arguments!r})
except SystemExit as done:
    assert not done.code
assert not set({heavy!r}) & set(sys.modules), set({heavy!r}) & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_list_has_a_row_for_everything_installed(command):
    header, *rows = command("list").stdout.splitlines()
    assert header.split() == ["loss", "task", "from", "summary"]
    (huber,) = (row for row in rows if row.startswith("huber "))
    assert huber.split()[:4] == ["huber", "regression", "lossreg", lossreg.__version__]
    assert huber.endswith(lossreg.get("huber").summary)
    for registry in REGISTRIES:
        rows = command("list", registry.plural).stdout.splitlines()
        assert [row.split()[0] for row in rows] == [registry.kind, *registry.names()]
    everything = [row.split()[:2] for row in command("list", "all").stdout.splitlines()[1:]]
    assert everything == [[registry.kind, name] for registry in REGISTRIES for name in registry.names()]


def test_a_broken_distribution_is_one_warning_and_all_else_is_listed(command, install):
    install("broken", "[lossreg.losses]\nbad = bad_loss\n", bad_loss="raise ImportError('two\\nlines')")
    done = command("list")
    assert done.stdout == command("list", LOSSREG_DISABLE_PLUGINS="broken").stdout
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("lossreg: warning: loss 'bad' of broken 2.5 cannot be used")
    assert warning.endswith("ImportError: two lines")
    assert command("show", "bad", code=2).stderr.startswith("lossreg: error: ")


def test_two_distributions_with_one_name_are_two_rows_and_a_warning(command, install):
    install("other", "[lossreg.losses]\nhuber = other_huber\n", other_huber=LOSS)
    done = command("list")
    rows = [row.split()[:4] for row in done.stdout.splitlines() if row.startswith("huber")]
    assert rows == [["huber", "regression", "lossreg", lossreg.__version__], ["huber", "regression", "other", "2.5"]]
    (warning,) = done.stderr.splitlines()
    assert "'lossreg:huber' or 'other:huber'" in warning
    assert "choose one with" in command("show", "huber", code=2).stderr
    assert "Their own" in command("show", "other:huber").stdout


def test_a_group_that_nothing_reads_is_a_warning_with_the_nearest(command, install):
    install("other", "[lossreg.loss]\nmine = other_loss\nyours = other_loss\n")
    done = command("list")
    assert done.stderr == (
        "lossreg: warning: other 2.5 has entry points in the group 'lossreg.loss', which nothing reads; did you mean "
        f"'lossreg.losses'? The groups are {', '.join(sorted(registry.group for registry in REGISTRIES))}\n"
    )
    assert not command("list", LOSSREG_DISABLE_PLUGINS="other").stderr


def test_nothing_installed_is_an_empty_list(command):
    assert command("list", LOSSREG_DISABLE_PLUGINS="lossreg").stdout == "no losses are installed\n"
    assert command("list", "all", LOSSREG_DISABLE_PLUGINS="lossreg").stdout == "no plugins are installed\n"


def test_list_shows_the_losses_of_a_task(command):
    rows = command("list", "--task", "regression").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == lossreg.names(task="regression")
    assert {row.split()[1] for row in rows} == {"regression"}
    assert command("list", "all", "--task", "regression").stdout.count("\n") == len(rows) + 1
    message = "no loss is for the task 'regresion'; did you mean 'regression'? The tasks are binary"
    assert message in command("list", "--task", "regresion", code=2).stderr
    assert "only losses have a task" in command("list", "models", "--task", "regression", code=2).stderr


def test_show_says_all_there_is_to_know(command):
    text = command("show", "HuberLoss").stdout
    for part in (
        *("huber (loss)", "value = e^2 / 2", "prediction", "Real: any number", "any shape, the same for all inputs"),
        *(
            "  loss:\n    name: huber\n",
            "    delta: 1.0   # a number above 0\n",
            "regression",
            "10.1214/aoms/1177703732",
            "HuberLoss",
        ),
        *(f"lossreg {lossreg.__version__}", lossreg.get("huber").file),
    ):
        assert part in text
    assert ">>>" not in text
    text = command("show", "cross_entropy").stdout
    assert "(C), (N, C) or (N, C, ...)" in text
    assert "(), (N) or (N, ...)" in text
    assert 0 < text.index("\ninputs\n") < text.index("\nor inputs\n")


@pytest.mark.slow  # 2 s of processor time
def test_show_works_for_every_plugin(command):
    for registry in REGISTRIES:
        name = registry.names()[0]
        assert command("show", name).stdout.startswith(f"{name} ({registry.kind})\n\n")


@pytest.mark.slow  # 10 s of processor time: a process for every plugin
def test_show_gives_every_plugin_as_a_config_has_it(command, tmp_path):
    for registry in REGISTRIES:
        for name in set(registry.names()) - PYTHON_ONLY:
            # A loss and a metric may both have the name.
            shown = command("show", name).stdout.partition(f"{name} ({registry.kind})\n")[2]
            text = shown.partition("\nin YAML\n")[2].partition("\n\norigin\n")[0]
            path = tmp_path / "shown.yaml"
            path.write_text(text)
            parameters = registry.get(name).parameters
            required = {parameter.name: None for parameter in parameters if parameter.required}
            defaults = {parameter.name: listed(parameter.default) for parameter in parameters}
            chosen = {"name": name, **defaults, **required}
            several = registry.kind in ("metric", "tracker")
            expected = {f"{registry.kind}s": [chosen]} if several else {registry.kind: chosen}
            assert Document.read(path).content == expected
            assert all(f"# required: {p.allowed}" in text for p in parameters if p.required)


@pytest.mark.slow  # 3 s of processor time
def test_show_has_no_yaml_for_a_loss_that_no_config_can_train_by(command):
    assert {name for name in lossreg.names() if requirements_of(lossreg.get(name)) is None} == PYTHON_ONLY
    for name in PYTHON_ONLY:
        text = command("show", name).stdout
        assert "in YAML" not in text
        assert "\nfrom Python only, because no model for tables gives these inputs\n" in text
        assert all(f"\n  {p.name} " in text for p in lossreg.get(name).parameters)


def listed(default):
    return list(default) if isinstance(default, tuple) else default


MODEL = LOSS.replace("import Real, hookimpl, loss", "import hookimpl, model").replace("@loss", "@model")
MODEL = MODEL.replace("prediction: Real, target: Real", "inputs: int, outputs: int, random: int")


def test_a_name_of_several_kinds_shows_all_of_them(command, install):
    install("other", "[lossreg.models]\nhuber = other_model\n", other_model=MODEL)
    text = command("show", "huber").stdout
    assert "huber (loss)" in text
    assert "huber (model)" in text


@pytest.mark.slow  # 2 s of processor time
def test_show_describes_the_plugin_of_any_kind_in_a_file(command, tmp_path):
    tmp_path.joinpath("huber.py").write_text(MODEL)
    assert command("show", "./huber.py").stdout.startswith("huber (model)\n\nTheir own")
    tmp_path.joinpath("broken.py").write_text("raise ValueError('no such luck')")
    assert "ValueError: no such luck" in command("show", "broken.py", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["show", "hubr"],
            "lossreg: error: no plugin named 'hubr' is installed; did you mean 'huber'? `lossreg list losses` l",
        ),
        (["run", "none.yaml"], "lossreg: error: none.yaml: cannot be read: No such file or directory\n"),
        (
            ["run", "none.yaml", "."],
            "lossreg: error: several problems\nnone.yaml: cannot be read: No such file or dire",
        ),
        (
            ["show", "adma"],
            "lossreg: error: no plugin named 'adma' is installed; did you mean 'adam'? The optimizers are ",
        ),
        (
            ["show", "xyzzy"],
            "lossreg: error: no plugin named 'xyzzy' is installed; the losses are adaptive_log_softmax,",
        ),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(command, arguments, message):
    done = command(*arguments, code=2)
    assert done.stderr.startswith(message)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "usage", "message"),
    [
        (["trian"], "lossreg [-h]", "lossreg: error: no command 'trian'; did you mean 'run'?"),
        (["swep", "x.yaml"], "lossreg [-h]", "lossreg: error: no command 'swep'; did you mean 'sweep'?"),
        (["xyzzy"], "lossreg [-h]", "lossreg: error: no command 'xyzzy'; the commands are list, show,"),
        (["--foo", "list"], "lossreg [-h]", "lossreg: error: no option '--foo'; the options are --version, --help"),
        (["runs", "--whre", "x=1"], "lossreg runs", "lossreg runs: error: no option '--whre'; did you mean '--where'?"),
        (["runs", "--whre=x=1"], "lossreg runs", "lossreg runs: error: no option '--whre'; did you mean '--where'?"),
        (["runs", "some"], "lossreg runs", "lossreg runs: error: unexpected argument 'some'"),
        (["list", "loss"], "lossreg list", "no kind of plugin is called 'loss'; did you mean 'losses'?"),
        (["run"], "lossreg run", "lossreg run: error: the following arguments are required: FILE"),
    ],
)
def test_a_mistyped_command_gets_its_own_usage_and_the_nearest_word(command, arguments, usage, message):
    done = command(*arguments, code=2)
    assert done.stderr.startswith(f"usage: {usage}")
    assert message in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_the_bare_command_prints_its_help_and_is_a_mistake(command):
    done = command(code=2)
    assert done.stderr == command("--help").stdout
    assert done.stdout == ""


def test_a_plugin_that_ends_its_process_or_closes_its_output_harms_neither_list_nor_show(command, install):
    install("other", "[lossreg.losses]\ndeadly = deadly\nmute = mute\n", deadly="import os; os._exit(3)", mute=MUTE)
    done = command("list")
    assert done.stdout == command("list", LOSSREG_DISABLE_PLUGINS="other").stdout
    warnings = done.stderr.splitlines()
    assert len(warnings) == 2
    assert "loss 'deadly' of other 2.5 cannot be used" in warnings[0]
    assert "closes or replaces the standard output" in warnings[1]
    assert "ended the process, with exit code 3" in command("show", "deadly", code=2).stderr
    assert "closes or replaces the standard output" in command("show", "mute", code=2).stderr


def test_control_characters_of_plugins_are_printed_escaped(command, install):
    install(
        "other",
        "[lossreg.losses]\nhu\x1b[2Jber = other_huber\nodd = odd\n",
        odd=LOSS.replace("huber", "odd").replace("Their", "\x1b[2JT"),
    )
    done = command("list")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[2JT own: a loss of another distribution." in done.stdout
    assert "loss 'hu\\x1b[2Jber' of other 2.5 cannot be used" in done.stderr
    assert "\\x1b[2JT own" in command("show", "odd").stdout
    assert "\x1b" not in command("show", "\x1b[2J", code=2).stderr


HOSTILE = "a \x1b[2J\r\u202ename\nof two lines \udcff"


def test_control_characters_of_values_are_printed_escaped(capsys):
    print_table(["run", HOSTILE], [{"run": HOSTILE, HOSTILE: 1}])
    print_transposed(["run", HOSTILE], [{"run": HOSTILE, HOSTILE: 1}])
    warn_of_problems([SimpleNamespace(name=HOSTILE, problems=[HOSTILE])])
    out, err = capsys.readouterr()
    shown = "a \\x1b[2J\\r\\u202ename\\nof two lines \\udcff"
    assert out.splitlines() == [f"run{' ' * (len(shown) - 3)}  {shown}", f"{shown}  {' ' * (len(shown) - 1)}1"] * 2
    in_one_line = "a \\x1b[2J \\u202ename of two lines \\udcff"
    assert err == f"lossreg: warning: {in_one_line}: {in_one_line}\n"
    assert complain(f"{HOSTILE}: wrong", 2) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_cells_of_csv_are_no_formulas_and_have_no_control_characters(capsys):
    formulas = ["=1+1", "+1", "-cmd", "@x", "\t=1", "\n=1", "\uff1d1"]
    values = [*formulas, "plain", "a\x1b[2J", "two\nlines", -1.5, None, 0, True]
    print_csv(["value"], [{"value": value} for value in values])
    lines = capsys.readouterr().out
    assert [row[0] for row in csv.reader(io.StringIO(lines)) if row][1:] == [
        *("'=1+1", "'+1", "'-cmd", "'@x", "'\t=1", "'\n=1", "'\uff1d1", "plain", "a\\x1b[2J", "two\nlines", "-1.5"),
        *("", "0", "True"),
    ]


@pytest.mark.slow  # 4 s of processor time
def test_a_page_replaces_the_earlier_one_at_once_and_a_device_is_written_to(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    command("run", "good.yaml")
    page = tmp_path / "page.html"
    page.write_text("before")
    before = page.stat().st_ino
    command("report", "last", "-o", "page.html")
    assert page.stat().st_ino != before
    assert page.read_text().startswith("<!")
    assert not list(tmp_path.glob(".page.html.*"))
    assert page.read_text() in command("report", "last", "-o", "/dev/stdout").stdout


@pytest.mark.slow  # 3 s of processor time
def test_a_byte_that_is_not_utf8_in_the_metadata_of_a_distribution_harms_no_command(command, install, tmp_path):
    install("other", "[console_scripts]\nother = other\n")
    tmp_path.joinpath("good.yaml").write_text(RUN)
    for name in ("METADATA", "entry_points.txt"):
        path = tmp_path / "site" / "other-2.5.dist-info" / name
        path.write_bytes(path.read_bytes() + b"# G\xf6del [lossreg.losses]\n")
    command("list")
    command("show", "mse")
    command("validate", "good.yaml")


def test_a_bad_config_stops_all_runs_before_the_first(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    tmp_path.joinpath("bad.yaml").write_text(RUN.replace("sgd", "{name: sgd, lr: fast}"))
    done = command("run", "good.yaml", "bad.yaml", code=2)
    message = "lossreg: error: bad.yaml:3:28: optimizer.lr: expected a number above 0, got 'fast'\nsee docs/config.md\n"
    assert done.stderr == message
    assert not tmp_path.joinpath("runs").exists()


@pytest.mark.slow  # 2 s of processor time
def test_data_that_do_not_suit_a_later_config_stop_all_runs_before_the_first(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    tmp_path.joinpath("bad.yaml").write_text(RUN.replace("loss: mse", "loss: cross_entropy"))
    done = command("run", "good.yaml", "bad.yaml", code=2)
    assert done.stderr.startswith("lossreg: error: bad.yaml:4:7: loss: cross_entropy takes class labels, but random")
    assert done.stdout == ""
    assert not tmp_path.joinpath("runs").exists()


@pytest.mark.slow  # 4 s of processor time
def test_what_is_not_run_after_a_run_that_diverged_is_named(command, tmp_path):
    for name in ("a.yaml", "c.yaml", "d.yaml"):
        tmp_path.joinpath(name).write_text(RUN)
    tmp_path.joinpath("b.yaml").write_text(RUN.replace("sgd", "{name: sgd, lr: 1e30}"))
    done = command("run", "a.yaml", "b.yaml", "c.yaml", "d.yaml", code=3)
    assert done.stderr.startswith("lossreg: not run: c.yaml, d.yaml\nlossreg: error: ")
    again = [line.split()[-2:] for line in done.stdout.splitlines()[-2:]]
    assert again == [["--set", "optimizer.lr=1e+29"], ["--set", "train.clip_norm=1"]]
    assert "resume" not in done.stdout
    assert command("run", "a.yaml", "b.yaml", code=3).stderr.startswith("lossreg: error: ")


BROKEN = [
    # a change of RUN, the place of the mistake, and the message
    ("data:", "dta:", "1:1", "dta: unknown key; did you mean 'data'?"),
    ("random, ", "randm, ", "1:14", "data.name: no data named 'randm' is installed; did you mean 'random'?"),
    ("features: 3", "fetures: 3", "1:35", "data.fetures: unknown key; did you mean 'features'?"),
    ("linear", "{name: mlp, activation: rleu}", "2:32", "got 'rleu'; did you mean 'relu'?"),
    ("sgd", "{name: sgd, lr: -1e-3}", "3:28", "optimizer.lr: expected a number above 0, got -0.001"),
    ("loss: mse", "loss: cross_entropy", "4:7", "cross_entropy takes class labels, but random has real targets; sui"),
    ("{epochs: 40}", "{epochs: 4, steps: 9}", "5:20", "train.steps: give either epochs or steps; leave one out"),
    ("{epochs: 40}", "{lr: 0.1}", "5:9", "train.lr: unknown key; did you mean 'optimizer.lr'?"),
    (
        "linear",
        "{name: linear, outputs: 3}",
        "2:32",
        "expected 1, the number of outputs that mse takes for random, got 3",
    ),
    ("loss: mse", "loss: [mse", "5:6", "while parsing a flow sequence, did not find expected ',' or ']'"),
]


def test_the_problems_of_ten_broken_configs_are_reported_together_each_at_its_place(command, tmp_path):
    for index, (old, new, _, _) in enumerate(BROKEN):
        assert old in RUN
        tmp_path.joinpath(f"{index}.yaml").write_text(RUN.replace(old, new))
    tmp_path.joinpath("good.yaml").write_text(RUN)
    done = command("validate", "good.yaml", *(f"{index}.yaml" for index in range(10)), code=2)
    assert done.stdout == "good.yaml: ok; 45 training examples, 4 weights, 80 steps\n"
    first, *lines, last = done.stderr.splitlines()
    assert (first, last) == ("lossreg: error: several problems", "see docs/config.md")
    for index, (_, _, place, message) in enumerate(BROKEN):
        assert any(line.startswith(f"{index}.yaml:{place}: ") and message in line for line in lines)
    (other,) = (line for line in lines if not any(message in line for _, _, _, message in BROKEN))
    assert other.startswith("0.yaml:1:1: data is missing; ")
    assert len(lines) == 11
    assert not tmp_path.joinpath("runs").exists()


@pytest.mark.slow  # 3 s of processor time
def test_set_changes_every_config_and_is_the_place_of_its_mistakes(command, tmp_path):
    for name in ("a.yaml", "b.yaml"):
        tmp_path.joinpath(name).write_text(RUN)
    changes = ["--set", "train.epochs=2", "--set", "optimizer.lr=3e-4"]
    assert command("run", "a.yaml", "b.yaml", *changes).stdout.count("epoch 2/2") == 2
    assert all("lr: 0.0003" in path.read_text() for path in tmp_path.glob("runs/*/config.yaml"))
    done = command("run", "a.yaml", "b.yaml", *changes, "--set", "loss.name=hubber", code=2)
    assert done.stderr.startswith("lossreg: error: --set loss.name=hubber: loss.name: no loss named 'hubber'")


def test_schema_is_json_that_takes_what_runs(command):
    found = json.loads(command("schema").stdout)
    validator = jsonschema.Draft202012Validator(found)
    content = {"data": "iris", "model": "linear", "optimizer": {"name": "sgd", "lr": 0.1}, "loss": "mse"}
    assert validator.is_valid(content)
    assert not validator.is_valid({**content, "optimizer": {"name": "sgd", "lrr": 0.1}})


def test_run_prints_some_lines_and_a_table_and_how_to_go_on(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    lines = command("run", "good.yaml", "--runs", "here").stdout.splitlines()
    (path,) = tmp_path.joinpath("here").iterdir()
    epochs = [line for line in lines if "/40  train" in line]
    assert len(epochs) == 11
    assert epochs[-1].startswith("epoch 40/40  train loss ")
    assert lines[lines.index("") + 1].split() == ["epoch", "40", "train", "test"]
    assert [line.split()[0] for line in lines[lines.index("") + 2 :][:4]] == ["loss", "r2", "mae", "rmse"]
    assert f"here/{path.name}" in "\n".join(lines)
    assert not [line for line in lines if line.startswith("compare")]
    again = next(line for line in lines if line.startswith("run again")).split("lossreg ")[1].split()
    assert command(*again, "--runs", "there").stdout.count("epoch 40/40") == 1
    more = command(*again).stdout.splitlines()
    compared = next(line for line in more if line.startswith("compare")).split("lossreg ")[1].split()
    first, second = command(*compared).stdout.split()[1:3]
    assert first in path.name
    assert first != second


@pytest.mark.slow  # 4 s of processor time
def test_a_run_is_compared_with_the_run_that_differs_least(tmp_path, monkeypatch):
    config = {"data": {"name": "random", "samples": 60}, "model": "linear", "optimizer": "sgd", "loss": "mse"}
    config |= {"train": {"epochs": 1}}
    run = lambda **changes: lossreg.run({**config, **changes}, root=tmp_path).path  # noqa: E731
    first = run()
    run(model="mlp", optimizer="adam", loss="huber")
    run(data={"name": "random", "samples": 70})
    lossreg.sweep({**config, "sweep": {"grid": {"loss": ["l1"]}}}, root=tmp_path)
    monkeypatch.setattr(progress, "stem", lambda run: run.id)  # as if each had a name of its own
    new = run(loss="l1")
    assert related_run(new, Run(new).config) == first
    again = run()
    assert related_run(again, Run(again).config) == new


@pytest.mark.slow  # 3 s of processor time
def test_a_run_that_cannot_be_written_is_exit_code_1(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    tmp_path.joinpath("taken").touch()
    message = "cannot be written to: File exists; runs go to --runs DIR, $LOSSREG_RUNS or experiments/runs\n"
    assert command("run", "good.yaml", "--runs", "taken", code=1).stderr == f"lossreg: error: taken: {message}"
    done = command("sweep", "good.yaml", "--runs", "taken", "--set", "sweep.repeats=2", code=1)
    assert re.match(r"lossreg: error: .*taken/good: cannot be written to: File exists; runs go to ", done.stderr)


@pytest.mark.slow  # 6 s of processor time
def test_a_page_that_cannot_be_written_and_a_table_that_cannot_be_read_are_named(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    command("run", "good.yaml")
    for output, why in ((".", "Is a directory"), ("none/x.html", "No such file or directory")):
        message = f"lossreg: error: {output}: cannot be written: {why}; -o FILE writes to another file\n"
        assert command("report", "last", "-o", output, code=1).stderr == message
    done = command("run", "good.yaml", "--set", "data={name: csv, path: none.csv, target: y}", code=2)
    assert "data.path: none.csv: cannot be read as csv: No such file or directory" in done.stderr
    (path,) = tmp_path.joinpath("runs").iterdir()
    path.joinpath(".lock").unlink()
    path.joinpath(".lock").mkdir()
    done = command("resume", "last", code=1)
    assert done.stderr.startswith(f"lossreg: error: {path}/.lock: is not a regular file")


def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        done = subprocess.run(
            [sys.executable, "-m", "lossreg", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "lossreg: error: No space left on device\n")


def test_a_run_whose_plugin_fails_is_exit_code_1_with_the_traceback_its_author_needs(tmp_path):
    code = f"""
import lossreg, yaml
@lossreg.register
@lossreg.plugin.data
def failing() -> lossreg.plugin.Table:
    return 1 / 0
open("x.yaml", "w").write({RUN!r}.replace("random, samples: 60, features: 3", "failing"))
from lossreg.cli import main
main(["run", "x.yaml"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.slow  # 5 s of processor time
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_stop_is_a_short_line_and_exit_code_130(tmp_path, number):
    tmp_path.joinpath("long.yaml").write_text(RUN.replace("40", "1000000"))
    worker = subprocess.Popen(
        [sys.executable, "-m", "lossreg", "run", "long.yaml", "--runs", "runs"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("runs/*/metrics.jsonl")) and worker.poll() is None:
        time.sleep(0.05)
    worker.send_signal(number)
    output, errors = worker.communicate(timeout=20)
    assert worker.returncode == 130, errors
    assert errors == "lossreg: error: interrupted\n"
    (path,) = tmp_path.glob("runs/*")
    assert f"lossreg resume runs/{path.name}\n" in output
    status = json.loads(path.joinpath("status.json").read_text())
    assert status["status"] == "interrupted"
    assert path.joinpath("checkpoints", f"step-{status['step']}.safetensors").exists()


def test_a_reader_that_has_seen_enough_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m lossreg list all | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def on_a_terminal(arguments, folder, columns=70):
    """Everything that a command prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "lossreg", *arguments]
    worker = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert worker.wait() == 0, text
    return text.decode()


@pytest.mark.parametrize(("kind", "columns"), [("all", 70), ("losses", 100), ("losses", 140), ("data", 70)])
def test_list_wraps_summaries_to_the_terminal(tmp_path, kind, columns):
    text = on_a_terminal(["list", kind], tmp_path, columns)
    rows = text.partition("\r\n\r\n")[0].splitlines()
    assert max(map(len, rows)) <= columns
    for registry in REGISTRIES:
        for name in registry.names() if kind in ("all", registry.plural) else ():
            assert " ".join(registry.get(name).summary.split()[:2]) in text
    (huber,) = [index for index, row in enumerate(rows) if " huber " in f" {row}"] or [None]
    if columns == 100:  # too narrow for the summary to stand beside the other columns
        assert rows[huber + 1] == "    " + lossreg.get("huber").summary
    assert ("\r\nother kinds   lossreg list " in text) == (kind != "all")
    others = "|".join([registry.plural for registry in REGISTRIES if registry.plural != kind])
    assert (f" {others}|all\r\n" in text) == (kind != "all")


@pytest.mark.slow  # 2 s of processor time
def test_a_terminal_gets_a_bar_that_gives_way_to_the_table(tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    text = on_a_terminal(["run", "good.yaml"], tmp_path)
    assert "\x1b[" in text
    assert "40/40" in text
    assert text.rindex("rmse") > text.rindex("40/40")


@pytest.mark.slow  # 4 s of processor time
def test_compiling_ahead_shows_a_bar_and_a_line_for_each_loss(tmp_path):
    text = on_a_terminal(["compile", "mse", "l1"], tmp_path)
    assert "\x1b[" in text
    assert "2/2" in text
    assert re.search(r"l1: (already|compiled)", text)
    assert text.rindex("2 losses: ") > text.rindex("2/2")


def test_a_run_that_fails_before_the_bar_is_drawn_still_says_where_it_is(tmp_path):
    report = ProgressBar(io.StringIO())
    report.stopped(tmp_path)
    assert str(tmp_path) in report.output.getvalue()


def test_without_rich_a_terminal_gets_lines(monkeypatch):
    class Terminal:
        isatty = staticmethod(lambda: True)

    assert type(progress_for(Terminal())) is ProgressBar
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert type(progress_for(Terminal())) is ProgressLines


@pytest.mark.slow  # 4 s of processor time
def test_a_run_goes_on_without_its_reader_and_a_run_of_its_config_has_its_name(command, tmp_path):
    tmp_path.joinpath("good.yaml").write_text(RUN)
    script = f"{sys.executable} -m lossreg run good.yaml --runs runs | head -n 1"
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    (path,) = tmp_path.joinpath("runs").iterdir()
    assert json.loads(path.joinpath("status.json").read_text())["status"] == "finished"
    assert command("run", str(path / "config.yaml"), "--set", "seed=1", "--runs", "runs").stdout.startswith("good: ")


# Outputs that cannot take what is printed


def test_a_closed_output_is_no_error():
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        shell = f"{sys.executable} -m lossreg list all {closed}"
        done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_characters_that_the_encoding_of_the_output_lacks_are_escaped(tmp_path):
    path = tmp_path / "20260102T030405.000006Z-\u00fcber-\u2026"
    path.mkdir()
    (path / "status.json").write_text('{"status": "finished", "error": "\\u00fc"}')
    for option in ("--json", "--csv", "--reverse"):
        done = subprocess.run(
            [sys.executable, "-m", "lossreg", "runs", "--runs", str(tmp_path), option],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert "ber-" in done.stdout
        assert "Traceback" not in done.stderr


def test_too_little_memory_is_an_error_in_one_line(monkeypatch, capsys):
    def run(_):
        raise MemoryError("Unable to allocate 29.1 TiB")

    monkeypatch.setattr("lossreg.commands.plugins.list.run", run)
    with pytest.raises(SystemExit, match="1"):
        main(["list"])
    assert capsys.readouterr().err == "lossreg: error: there is not enough memory: Unable to allocate 29.1 TiB\n"


@pytest.mark.slow
def test_printed_commands_work_as_typed_whatever_the_names_of_file_and_folder(tmp_path):
    path = tmp_path / "my configs" / "(1).yaml"
    path.parent.mkdir()
    path.write_text(RUN.replace("40", "1"))
    command = [sys.executable, "-m", "lossreg", "run", path, "--runs", tmp_path / "my runs"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (again,) = re.findall(r"^run again +(.*)$", done.stdout, re.MULTILINE)
    assert again.startswith(f"{sys.executable} -m lossreg run '")  # `lossreg` itself is not on every path
    subprocess.run(again, shell=True, capture_output=True, check=True)
    runs = [run.name for run in tmp_path.joinpath("my runs").iterdir()]
    assert len(runs) == 2
    assert not any(name.partition("Z")[2].startswith("--") or "(" in name for name in runs)


def test_set_cannot_extend_another_config(tmp_path, capsys):
    path = tmp_path / "a.yaml"
    path.write_text(RUN)
    with pytest.raises(SystemExit) as done:
        main(["validate", str(path), "--set", "extends=nosuch.yaml"])
    assert done.value.code == 2
    assert "--set changes what a file says, and cannot extend another" in capsys.readouterr().err
