"""The environment of a run: config, plugins, packages and machine, and the differences from an earlier one."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.experiment.blas import blas_libraries
from lossreg.experiment.storage.records import flat, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import Distribution

    from lossreg.experiment.config.run_config import Config

NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
STATUS = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--ignore-submodules=dirty")


def environment(config: Config) -> dict[str, Any]:
    """Everything that a run depends on: the config and its hash, the plugins, the packages and the machine."""
    return {
        "name": config.name,
        "config": plain(config.resolved()),
        "config_sha256": config_hash(config),
        "python": sys.version,
        "platform": platform.platform(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "blas": blas_libraries(),
        "git": git(),
        "plugins": plugins(config),
        "packages": packages(),
    }


@cache
def packages() -> dict[str, str]:
    """The versions of all installed packages by name, read with a pattern, since parsing all metadata takes 60 ms."""
    from importlib.metadata import distributions

    found = {}
    for distribution in distributions():
        text = metadata_of(distribution)
        head = dict(re.findall(r"^(Name|Version):[ \t]*(.*\S)", text.partition("\n\n")[0], re.MULTILINE))
        if "Name" in head:
            found[head["Name"]] = head.get("Version", "")
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def metadata_of(distribution: Distribution) -> str:
    """The metadata of a distribution, whatever its encoding; empty if it cannot be read."""
    for name in ("METADATA", "PKG-INFO"):
        with suppress(OSError):
            try:
                text = distribution.read_text(name)
            except UnicodeDecodeError as error:
                text = bytes(error.object).decode(errors="replace")
            if text:
                return text
    return ""


def plugins(config: Config) -> list[dict[str, Any]]:
    """The plugins that a config names, each with its distribution, its version and the hash of its source."""
    return [
        {
            "kind": choice.kind,
            "name": choice.offer.name,
            "distribution": choice.offer.distribution,
            "version": choice.offer.version,
            "sha256": file_hash(choice.component.file),
        }
        for choice in config.plugins
    ]


def config_hash(config: Config) -> str:
    """The hash of a config with all defaults filled in, which does not depend on how its file is written."""
    return hashlib.sha256(json.dumps(plain(config.resolved()), sort_keys=True).encode()).hexdigest()


def changes(before: Mapping[str, Any], config: Config) -> list[str]:
    """Describe how the config and its plugins differ from the environment in which a run began."""
    then, now = flat(before["config"]), flat(plain(config.resolved()))
    found = differences(then, now, {**then, **now})
    earlier = {(plugin["kind"], plugin["name"]): plugin for plugin in before["plugins"]}
    for plugin in plugins(config):
        known = earlier.get((plugin["kind"], plugin["name"]), plugin)
        what = f"{plugin['kind']} {plugin['name']}"
        found += [
            f"{what}: {key} was {known[key]!r}, is {plugin[key]!r}"
            for key in ("distribution", "version")
            if known[key] != plugin[key]
        ]
        if known["sha256"] != plugin["sha256"]:
            found.append(f"{what}: its source has changed ({str(known['sha256'])[:8]} to {str(plugin['sha256'])[:8]})")
    return found


def config_changes(before: Mapping[str, Any], config: Config) -> list[str]:
    """Describe how a config differs from an earlier one, in the keys that both versions of lossreg and plugins have."""
    then, now = flat(before), flat(plain(config.resolved()))
    return differences(then, now, [key for key in then if key in now])


def differences(then: Mapping[str, Any], now: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Describe the keys whose values differ."""
    changed = (key for key in keys if then.get(key) != now.get(key))
    return [f"{key} was {written(then.get(key))}, is {written(now.get(key))}" for key in changed]


def written(value: Any) -> str:
    """Format a value for a message."""
    return "absent" if value is None else json.dumps(value)


def cpu() -> str:
    """The name of the processor, or its architecture where the name is unknown."""
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def git() -> dict[str, Any] | None:
    """The commit of the current directory's repository, and whether files differ from it; None where there is none.

    The repository may be anyone's, and its configuration names programs that Git would run: all of them are switched
    off. A file that only differs before a filter is applied to it counts as different.
    """
    try:
        output = run_git(QUIET | without_filters(), "status", *STATUS)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    commit = re.search(r"^# branch\.oid ([0-9a-f]+)$", output, re.MULTILINE)
    return commit and {"commit": commit[1], "dirty": any(not line.startswith("#") for line in output.splitlines())}


def without_filters() -> dict[str, str]:
    """The environment in which Git applies none of the filters that are configured."""
    try:
        found = run_git(
            QUIET, "config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"
        )
    except subprocess.CalledProcessError:  # there are none
        return {}
    names = sorted({*found.split("\0")} - {""})
    settings = {"GIT_CONFIG_COUNT": str(len(names))}
    for number, name in enumerate(names):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": ""}
    return settings


def run_git(settings: Mapping[str, str], command: str, *options: str) -> str:
    """What a Git command prints, in an environment with these settings."""
    return subprocess.run(  # noqa: S603  the arguments are all written here
        ["git", *NO_PROGRAMS, command, *options],  # noqa: S607  whichever is on the path
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=True,
        timeout=10,
        env={**os.environ, **settings},
    ).stdout


def file_hash(file: str) -> str | None:
    """The hash of a plugin's source; None for one that has no file, as in a notebook."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None
