"""What a page of the guide is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from .sources import Shown, Source, read


@dataclass(frozen=True)
class Example:
    """
    Something that runs on a page of its own, beside its source.

    `copy` and `change` say what a reader takes along and what to make of it; `scripts` are the names
    of the page's own scripts; `more` are sources of other apps that do the same in earnest.
    """

    name: str
    title: str
    lesson: str
    copy: tuple[str, ...]
    change: tuple[str, ...]
    scripts: tuple[str, ...] = ()
    also: tuple[Source, ...] = ()
    more: tuple[Source, ...] = ()

    @property
    def live(self) -> str:
        """Return the template of what runs."""
        return f"guide/live/{self.name}.html"

    @property
    def own(self) -> Iterator[Source]:
        """Yield the sources of what runs on the page."""
        yield Source("guide", f"examples/{self.name.replace('-', '_')}.py")
        yield Source("guide", f"templates/{self.live}")
        for script in self.scripts:
            yield Source("guide", f"static/guide/{script}.js")
        yield from self.also

    def shown(self) -> list[Shown]:
        """Return the sources of the page, as they are now."""
        return [found for source in self.own if (found := read(source))]

    def shown_elsewhere(self) -> list[Shown]:
        """Return what other installed apps have of it."""
        return [found for source in self.more if (found := read(source))]
