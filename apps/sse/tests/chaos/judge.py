"""What clients should have heard, going by the publishers' journals, and what is wrong with what they did hear."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from apps.sse.wire.events import Position

MAX_SHOWN = 10


class Item(NamedTuple):
    """An event: where, by whom, and its number among theirs."""

    channel: str
    by: str
    n: int


class Verdict:
    """Compares what `clients` have heard with what the files of the folder `journals` say of each event."""

    def __init__(self, journals: Path, clients):
        lines = [line.split() for file in sorted(journals.iterdir()) for line in file.read_text().splitlines()]
        # The last word on an event is what became of it.
        outcomes = {Item(channel, by, int(n)): outcome for outcome, channel, by, n in lines}
        self.sent = {item for item, outcome in outcomes.items() if outcome == "sent"}
        self.possible = self.sent | {item for item, outcome in outcomes.items() if outcome in ("maybe", "begun")}
        self.clients = clients
        self.sent_on = Counter(item.channel for item in self.sent)

    def is_complete_for(self, client) -> bool:
        """Say whether a client may have heard everything: it has heard as much as was sent, or more."""
        return len(client.events) >= sum(self.sent_on[channel] for channel in client.channels)

    def problems(self) -> list[str]:
        """Return everything that is wrong, in words; nothing if each client heard what it should, in order."""
        log, found = self._log()
        log_in_order = sorted(log.items())
        order: dict[str, Item] = {}
        for number, item in log_in_order:
            if item.by in order and order[item.by].n >= item.n:
                found.append(f"{item} at {number} is in the log after {order[item.by]}")
            order[item.by] = item
        heard = set(log.values())
        found += [f"{item} was committed, and nobody heard it" for item in sorted(self.sent - heard)]
        found += [f"{item} was rolled back, and it was heard" for item in sorted(heard - self.possible)]
        if len(heard) < len(log):
            found.append(f"{len(log) - len(heard)} events are in the log more than once")
        for name, client in enumerate(self.clients):
            found += self._problems_of(f"client {name} of {client.channels}", client, log_in_order)
        return found

    def report(self) -> str:
        """Return the first problems and how many there are."""
        problems = self.problems()
        return "\n".join([*problems[:MAX_SHOWN], f"… {len(problems)} in all"]) if problems else ""

    def _log(self):
        log: dict[int, Item] = {}
        problems = []
        for client in self.clients:
            for event in client.events:
                number, item = Position.parse(event.id).number, Item(**event.data)
                if log.setdefault(number, item) != item:
                    problems.append(f"{log[number]} and {item} are both at {number}")
        return log, problems

    def _problems_of(self, name, client, log_in_order):
        numbers = [Position.parse(event.id).number for event in client.events]
        expected = [number for number, item in log_in_order if item.channel in client.channels]
        if client.resets:
            yield f"{name} was told {client.resets} times to start anew"
        if numbers == expected:
            return
        repeated = sorted({number for number in numbers if numbers.count(number) > 1})
        missed = sorted(set(expected) - set(numbers))
        first = next((a, b) for a, b in zip([*numbers, None], [*expected, None], strict=False) if a != b)
        yield (
            f"{name} heard {len(numbers)} of {len(expected)}: missed {missed[:MAX_SHOWN]}, "
            f"twice {repeated[:MAX_SHOWN]}; first heard {first[0]} instead of {first[1]}"
        )
