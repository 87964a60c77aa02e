"""The documents follow the code, and no file names a machine or a package index."""

import re
import sys

import pytest
from project import ROOT, relative, text_files

sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "experiments" / "differences")]

import compare  # noqa: E402  a script
import generate  # noqa: E402  a script


@pytest.mark.parametrize(("path", "part", "made"), generate.GENERATED, ids=["losses", "tree"])
def test_the_generated_parts_of_the_documents_are_up_to_date(path, part, made):
    assert generate.split(path, part)[1] == made(), "python docs/generate.py --write updates it"


def test_a_document_without_the_place_for_a_part_is_an_error(tmp_path):
    (tmp_path / "README.md").write_text("<!-- losses -->\n| loss |\n")
    with pytest.raises(ValueError, match="has no part between <!-- losses --> and <!-- /losses -->"):
        generate.split(tmp_path / "README.md", "losses")


def test_the_files_that_the_architecture_names_exist():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("<!-- tree -->")[0]
    named = re.findall(r"`([\w/]+/(?:\w+\.py)?)`", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "lossreg" / name).exists() and not (ROOT / name).exists()] == []


def test_the_table_of_differences_is_what_both_printed():
    _, table, after = compare.in_readme()
    assert after, "README.md has no <!-- differences --> and <!-- /differences -->"
    assert table == compare.table(compare.recorded()), "python experiments/differences/compare.py --write updates it"
    cases = compare.recorded()["cases"]
    assert [row["case"] for row in cases] == [case.words for case in compare.CASES]
    assert len({row["case"] for row in cases}) == len(cases) > 30
    assert all(row["pytorch"] != row["lossreg"] for row in cases)


@pytest.mark.parametrize(
    ("case", "row"),
    list(zip(compare.CASES, compare.recorded()["cases"], strict=False)),
    ids=lambda x: getattr(x, "words", ""),
)
def test_lossreg_still_prints_what_the_table_of_differences_says(case, row):
    assert compare.ours(case) == row["lossreg"]


def test_no_path_of_one_machine_and_no_host_of_a_registry_is_in_the_tree():
    # Written in two parts, so that this file has none of them.
    roots = ("/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/t" + "mp/")
    hosts = ("index" + "-url", "pythonhosted" + ".org", "pypi" + ".org/simple", "artifact" + "ory", "127.0" + ".0.1")
    for path in text_files():
        text = path.read_text("utf-8", errors="replace")
        found = [word for word in (*roots, *hosts) if word in text]
        assert not found, f"{relative(path)} has {found}"
