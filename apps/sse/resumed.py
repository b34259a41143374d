"""Going on with an awaitable whose first step was taken outside of any task."""

from collections.abc import Generator
from functools import partial
from typing import Any


class Resumed:
    """An awaitable that was stepped once already, and goes on in a task."""

    def __init__(self, steps: Generator[Any], blocked_by: Any) -> None:
        self._steps = steps
        self._blocked_by = blocked_by

    def __await__(self):
        blocked_by = self._blocked_by
        while True:
            try:
                yield blocked_by
            except BaseException as error:
                step = partial(self._steps.throw, error)
            else:
                step = partial(next, self._steps)
            try:
                blocked_by = step()
            except StopIteration:
                return
