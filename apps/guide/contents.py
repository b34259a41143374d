"""What the guide has, in its order. Its examples name every source that it may show."""

from dataclasses import dataclass

from .example import Example
from .patterns import PATTERNS
from .specified import SPECIFIED


@dataclass(frozen=True)
class Chapter:
    """Examples that belong together."""

    title: str
    about: str
    examples: tuple[Example, ...]


CHAPTERS = (
    Chapter("Streams", "What a server can say, and how a page shows it.", SPECIFIED),
    Chapter(
        "Patterns", "Several processes, several tabs, many viewers, and no gap between page and stream.", PATTERNS
    ),
)
EXAMPLES = {example.name: example for chapter in CHAPTERS for example in chapter.examples}


def around(name: str) -> tuple[Example | None, Example | None]:
    """Return the examples before and after the one of that name."""
    examples = list(EXAMPLES.values())
    place = [example.name for example in examples].index(name)
    return (examples[place - 1] if place else None, examples[place + 1] if place + 1 < len(examples) else None)
