"""The documents follow the code, no file names a machine or a package index, and the words are those of the field."""

import re
import sys

import pytest
import yaml
from project import ENTRY_POINTS, ROOT, relative, text_files

import lossreg
from lossreg import errors
from lossreg.commands.plugins.show import SECTIONS
from lossreg.experiment.config.json_schema import schema
from lossreg.experiment.config.reference import MEANINGS, keys_of, section_text, sections

sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "experiments" / "differences")]

import compare  # noqa: E402  a script
import generate  # noqa: E402  a script


@pytest.mark.parametrize(("path", "part", "made"), generate.GENERATED, ids=lambda x: x if isinstance(x, str) else "")
def test_the_generated_parts_of_the_documents_are_up_to_date(path, part, made):
    assert generate.split(path, part)[1] == made(), "python docs/generate.py --write updates it"


def test_every_loss_has_a_formula_for_its_page():
    formulas = yaml.safe_load((ROOT / "docs" / "formulas.yaml").read_text("utf-8"))
    assert [*formulas] == sorted(ENTRY_POINTS["lossreg.losses"])
    assert all(formulas.values())


def test_the_reference_of_configs_has_every_key_with_its_meaning():
    assert [*SECTIONS] == sections()
    found = {section: {key.name: key for key in keys_of(section)} for section in sections()}
    complete = schema()["$defs"]["partial"]["properties"]
    assert {*found["config"]} | {*found} - {"config", "term"} | {"report"} == {*complete}
    assert {*found["train"]} == {*complete["train"]["anyOf"][0]["properties"]}
    assert {*found["sweep"]} == {*complete["sweep"]["anyOf"][0]["properties"]}
    for section, keys in found.items():
        assert [f"{section}.{name}" for name, key in keys.items() if not key.meaning or not key.type] == []
        assert all(name in section_text(section) for name in keys)
    used = {f"{section}.{name}" for section, keys in found.items() for name in keys}
    assert {*MEANINGS} <= used  # none is of a key that no longer exists


def test_the_pages_that_errors_name_have_the_sections_that_they_name():
    pages = {kind.page for kind in vars(errors).values() if isinstance(kind, type) and getattr(kind, "page", "")}
    assert len(pages) > 3
    for page in pages:
        path, _, section = page.partition("#")
        titles = re.findall(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
        assert not section or section in {title.lower().replace(" ", "-") for title in titles}, page


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
    _, table, after = compare.in_page()
    assert after, "docs/pytorch.md has no <!-- differences --> and <!-- /differences -->"
    assert table == compare.table(compare.recorded()), "python experiments/differences/compare.py --write updates it"
    cases = compare.recorded()["cases"]
    assert [row["case"] for row in cases] == [case.words for case in compare.CASES]
    assert len({row["case"] for row in cases}) == len(cases) > 30
    assert all(row["pytorch"] != row["lossreg"] for row in cases)


@pytest.mark.losses
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


# Words that once were terms of this project and say nothing to a reader from outside, each with the standard one. They
# are looked for in names too, between underscores.
DIALECT = {
    "abreast": "vectorized, or a vector",
    "alike": "equal, or with the same signature",
    "anew": "again",
    "anybody": "any user, or any caller",
    "essence": "normalized name",
    "everybody": "all users, or all callers",
    "laborious": "slow, or what makes it slow",
    "likewise": "also",
    "mend": "fix",
    "mended": "fixed",
    "nobody": "no caller, or unused",
    "room": "buffer, or memory",
    "rooms": "buffers",
    "settled": "fixed, or cached",
    "somebody": "a caller, or another process",
    "told": "message, or passed",
}


def test_no_text_uses_words_of_the_old_dialect():
    texts = [path for path in text_files() if path.suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".js", ".html"}]
    assert len(texts) > 300
    found = [
        f"{relative(path)}:{number}: {word!r}; say: {DIALECT[word]}"
        for path in texts
        if path.name != "test_documents.py"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for word in re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", line).lower())
        if word in DIALECT
    ]
    assert not found, "\n".join(found)


def test_the_citation_has_the_version_and_the_issue_template_asks_for_what_doctor_prints():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == lossreg.__version__
    template = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8"))
    asked = [field["attributes"]["label"] for field in template["body"] if field["validations"]["required"]]
    assert "What `lossreg doctor` prints" in asked
