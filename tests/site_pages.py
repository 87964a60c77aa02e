"""Build the documentation, and find what its pages refer to."""

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

from project import ROOT


def build(folder):
    """Build the documentation into a folder, strictly."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Page(HTMLParser):
    """What one page has: identifiers, links, and the addresses that a browser loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded, self.pictures = set(), [], [], 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        self.pictures += tag == "svg" and "viewbox" in given and "0 0 24 24" not in given["viewbox"]
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in {"img", "script", "iframe", "source"} and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("href") and given.get("rel") != "canonical":
            self.loaded.append(given["href"])


def broken(folder):
    """The links and resources of all pages that lead nowhere, each with its page."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # it is shown at any address, so its links begin with that of the site
        for address in [*page.links, *page.loaded]:
            if ":" in address:
                continue
            file, anchor = urldefrag(unquote(address))
            target = (path.parent / file).resolve() if file else path
            target = target / "index.html" if target.is_dir() else target
            known = pages[target].ids if target in pages else {anchor}
            if not target.is_file() or (anchor and anchor not in known):
                found.append((path.relative_to(folder).as_posix(), address))
    return found
