"""Hooks of mkdocs: add the generated pages, and the files outside of docs/ that pages refer to."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import command_pages
import loss_pages
import notebook_pages

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

ROOT = Path(__file__).parents[2]
INCLUDED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Documents of the project that are pages too: the file, and the page."""
STUDIES = "experiments/studies"
LINK = re.compile(r"(!?)\[([^\]\[]*)\]\(([^)#\s]+)(#[\w-]*)?\)")
PICTURES = (".png", ".svg")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of losses, commands and notebooks, documents of the project, studies, and their pictures."""
    pages = loss_pages.pages() | {"commands.md": command_pages.page()}
    for name, page in INCLUDED.items():
        pages[page] = relinked((ROOT / name).read_text("utf-8"), Path(), page)
    for path in studies():
        page = f"studies/{path.parent.name}.md"
        pages[page] = relinked(path.read_text("utf-8"), path.parent.relative_to(ROOT), page)
    for path in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")):
        pages[f"tutorials/{path.stem}.md"] = notebook_pages.page(path)
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    place_unlisted(config.nav, files)
    sources = [file.content_string for file in files.documentation_pages()]
    for path in sorted({path for text in sources for path in pictures(text)}):
        files.append(File.generated(config, f"pictures/{path}", content=(ROOT / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace links out of docs/ by links to the pages and pictures of the site."""
    del config, files
    source = page.file.src_uri
    return relinked(markdown, Path("docs") / Path(source).parent, source) if page.file.abs_src_path else markdown


def place_unlisted(nav: list[Any], files: Files) -> None:
    """Add pages that mkdocs.yml does not list to the navigation: losses, studies, and others to the guides."""
    sections = {title: pages for section in nav for title, pages in section.items() if isinstance(pages, list)}
    sections["Losses"] += loss_pages.navigation()
    if studies():
        sections["Studies"] = []
        nav.insert(-1, {"Studies": sections["Studies"]})
    text = str(nav)
    for file in files.documentation_pages():
        page = file.src_uri
        if f"'{page}'" not in text:
            sections["Studies" if page.startswith("studies/") else "Guides"].append(page)


def studies() -> list[Path]:
    """Return the prose of the studies."""
    return sorted((ROOT / STUDIES).glob("*/README.md"))


def relinked(text: str, folder: Path, page: str) -> str:
    """Return a document with its links, which are relative to a folder of the project, as links of a page."""
    up = "../" * page.count("/")

    def replace(match: re.Match[str]) -> str:
        is_picture, label, target, anchor = match.groups()
        if ":" in target:
            return match[0]
        path = resolved(folder / target)
        if is_picture or path.suffix in PICTURES:
            return f"{is_picture}[{label}]({up}{'' if inside(path) else 'pictures/'}{local(path)}{anchor or ''})"
        if inside(path):
            return f"[{label}]({up}{local(path)}{anchor or ''})"
        if str(path) in INCLUDED:
            return f"[{label}]({up}{INCLUDED[str(path)]}{anchor or ''})"
        if ROOT / path in studies():
            return f"[{label}]({up}studies/{path.parent.name}.md)"
        if not (ROOT / path).exists():
            raise ValueError(f"{page}: {target} does not exist")
        return f"{label} (`{path}`)" if label != str(path) else f"`{label}`"

    return LINK.sub(replace, text)


def resolved(path: Path) -> Path:
    """Return a path relative to the project, without `..`."""
    return (ROOT / path).resolve().relative_to(ROOT)


def inside(path: Path) -> bool:
    """Whether a path is a page or a file of docs/."""
    return path.parts[0] == "docs"


def local(path: Path) -> str:
    """Return the address of a path within the site."""
    return path.relative_to("docs").as_posix() if inside(path) else path.as_posix()


def pictures(text: str) -> list[str]:
    """Return the pictures outside of docs/ that a page shows, as paths relative to the project."""
    found = re.findall(r"!\[[^\]]*\]\((?:\.\./)*(?:pictures/)?([^)#]+)", text)
    return [path for path in found if (ROOT / path).is_file() and not path.startswith("docs/")]
