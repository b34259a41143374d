from collections.abc import Iterable
from dataclasses import dataclass

from .sources import Source, read


@dataclass(frozen=True)
class Page:
    """
    A page of the guide: an example that runs next to its source, or with a `body` of its own, a text.

    In texts, code is between backticks. `copy` and `change` are advice to readers; `live` is the
    template of the example, named like the page if empty; `scripts` are names of scripts in
    `static/guide`; `also` are more sources of the example, `more` sources of other apps that do the
    same; `data` is what the body shows.
    """

    name: str
    title: str
    lead: str
    copy: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    live: str = ""
    scripts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    body: str = "guide/example.html"
    data: object = None

    @property
    def live_template(self) -> str:
        """Return the name of the example's template."""
        return f"guide/live/{self.live or self.name}.html"

    @property
    def stream(self) -> str:
        """Return the name of the address of the example's stream."""
        return f"guide-{self.name}"

    def own_sources(self) -> list[Source]:
        """Return the sources that run on the page, as they are now, templates last."""
        module = f"guide/examples/{self.name.replace('-', '_')}.py"
        scripts = (f"guide/static/guide/{script}.js" for script in self.scripts)
        sources = found([module, f"guide/templates/{self.live_template}", *scripts, *self.also])
        return sorted(sources, key=lambda source: source.path.endswith(".html"))

    def more_sources(self) -> list[Source]:
        """Return the sources of other installed apps."""
        return found(self.more)


def found(names: Iterable[str]) -> list[Source]:
    return [source for name in names if (source := read(name))]
