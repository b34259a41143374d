"""Compare the events that clients received with the publishers' journals."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from apps.sse.wire.events import Position

MAX_SHOWN = 10


class Item(NamedTuple):
    """An event: its channel, its publisher, and its number among those of this publisher."""

    channel: str
    by: str
    n: int


class Verdict:
    """
    Compares the events of `clients` with the outcomes in the files of the folder `journals`.

    `log` has the events by number; without it, they are those that the clients received.
    """

    def __init__(self, journals: Path, clients, log: dict[int, Item] | None = None):
        lines = [line.split() for file in sorted(journals.iterdir()) for line in file.read_text().splitlines()]
        # The last line about an event has its outcome.
        outcomes = {Item(channel, by, int(n)): outcome for outcome, channel, by, n in lines}
        self.sent = {item for item, outcome in outcomes.items() if outcome == "sent"}
        self.possible = self.sent | {item for item, outcome in outcomes.items() if outcome in ("maybe", "begun")}
        self.clients = clients
        self._given_log = log
        self.sent_on = Counter(item.channel for item in self.sent)

    def is_complete_for(self, client) -> bool:
        """Return whether a client has at least as many events as were sent on its channels."""
        return len(client.events) >= sum(self.sent_on[channel] for channel in client.channels)

    def problems(self) -> list[str]:
        """Return all errors as text; none if each client received the right events in order."""
        log, found = self._log()
        log_in_order = sorted(log.items())
        order: dict[str, Item] = {}
        for number, item in log_in_order:
            if item.by in order and order[item.by].n >= item.n:
                found.append(f"{item} at {number} is in the log after {order[item.by]}")
            order[item.by] = item
        received = set(log.values())
        found += [f"{item} was committed, and no client received it" for item in sorted(self.sent - received)]
        found += [f"{item} was rolled back, and a client received it" for item in sorted(received - self.possible)]
        if len(received) < len(log):
            found.append(f"{len(log) - len(received)} events are in the log more than once")
        for name, client in enumerate(self.clients):
            found += self._problems_of(f"client {name} of {client.channels}", client, log_in_order)
        return found

    def report(self) -> str:
        """Return the first problems and their number."""
        problems = self.problems()
        return "\n".join([*problems[:MAX_SHOWN], f"… {len(problems)} in all"]) if problems else ""

    def _log(self):
        if self._given_log is not None:
            return self._given_log, []
        log: dict[int, Item] = {}
        problems = []
        for client in self.clients:
            for event in client.events:
                number, item = Position.parse(event.id).number, Item(**event.data)
                if log.setdefault(number, item) != item:
                    problems.append(f"{log[number]} and {item} are both at {number}")
        return log, problems

    def _problems_of(self, name, client, log_in_order):
        numbers = client.positions
        expected = [number for number, item in log_in_order if item.channel in client.channels]
        if client.resets:
            yield f"{name} got {client.resets} resets"
        if numbers == expected:
            return
        repeated = sorted({number for number in numbers if numbers.count(number) > 1})
        missed = sorted(set(expected) - set(numbers))
        first = next((a, b) for a, b in zip([*numbers, None], [*expected, None], strict=False) if a != b)
        yield (
            f"{name} received {len(numbers)} of {len(expected)}: missed {missed[:MAX_SHOWN]}, "
            f"twice {repeated[:MAX_SHOWN]}; first received {first[0]} instead of {first[1]}"
        )
