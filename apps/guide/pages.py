"""The pages of the guide, which `pages.toml` declares."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from .sources import Source, read


@dataclass
class Page:
    """
    A page of the guide: an example that runs next to its source or, without `copy`, a text.

    In `lead`, `copy` and `change`, code is between backticks. `view` is the example's stream, a class in
    `examples`, at the URL `guide-<name>`. `templates` in `templates/guide/pages` show it, by default the
    one named like the page; `scripts` are in `static/guide`. `sources` are more sources of the example,
    `in_project` those of other apps that do the same.
    """

    name: str
    title: str
    lead: str
    view: str = ""
    templates: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    in_project: list[str] = field(default_factory=list)
    copy: list[str] = field(default_factory=list)
    change: list[str] = field(default_factory=list)

    @property
    def template_names(self) -> list[str]:
        return [f"guide/pages/{name}.html" for name in self.templates or [self.name]]

    def example_sources(self) -> list[Source]:
        """Return the current sources that run on the page, templates last."""
        if not (self.view or self.sources):
            return []
        files = [f"examples/{self.view.partition('.')[0]}.py"] if self.view else []
        files += [f"static/guide/{script}.js" for script in self.scripts]
        files += [f"templates/{name}" for name in self.template_names]
        sources = read_all([*(f"guide/{file}" for file in files), *self.sources])
        return sorted(sources, key=lambda source: source.path.endswith(".html"))

    def project_sources(self) -> list[Source]:
        """Return the sources of other apps that are installed."""
        return read_all(self.in_project)


def read_all(names: list[str]) -> list[Source]:
    return [source for name in names if (source := read(name))]


CHAPTERS = {
    title: [Page(name, **page) for name, page in pages.items()]
    for title, pages in tomllib.loads(Path(__file__).with_suffix(".toml").read_text()).items()
}
PAGES = {page.name: page for pages in CHAPTERS.values() for page in pages}
FIRST = next(iter(PAGES))
