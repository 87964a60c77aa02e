"""The examples of the README for other libraries run as they are."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
SECTION = re.search(r"^## Inside other libraries$(.*?)^## ", README, re.MULTILINE | re.DOTALL)[1]
EXAMPLES = re.findall(r"^```python$(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda code: re.search(r"lossreg\.bridges\.(\w+)", code)[1])
def test_an_example_runs(example):
    exec(example, {})  # noqa: S102  the README's own code
