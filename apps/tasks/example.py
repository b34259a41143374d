"""A file of contacts to try an import with: the same each time, with some rows that have errors."""

from collections.abc import Iterator

FIRST = (
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Radia",
    "Tim",
    "Katherine",
    "Dennis",
    "José",
    "Zoë",
)
LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Perlman", "Lee", "Johnson", "Ritchie")
CITIES = (
    "London",
    "New York",
    "Berlin",
    "Rotterdam",
    "Los Angeles",
    "Milwaukee",
    "Seattle",
    "Genève",
    "Reykjavík",
)
FAULTS = (
    "No Address {number},,Example Ltd,,Paris\n",
    "Wrong Address {number},somebody at example.com,Example Ltd,,Paris\n",
    ",nameless{number}@example.com,Example Ltd,,Paris\n",
    'Open "{number},open{number}@example.com,"Example Ltd,,Paris\n',
    "Short Row {number},short{number}@example.com\n",
)


def lines(rows: int, *, bad_every: int = 100, first: int = 1) -> Iterator[str]:
    """Yield the lines of a file of so many rows, of which every `bad_every`-th has an error."""
    yield "name,email,company,phone,city\n"
    for number in range(first, first + rows):
        if number % bad_every == 0:
            yield FAULTS[number // bad_every % len(FAULTS)].format(number=number)
        else:
            yield good(number)


def good(number: int) -> str:
    """Return the line of a contact."""
    name = f"{FIRST[number % len(FIRST)]} {LAST[number % len(LAST)]}"
    phone = f"+49 30 {1_000_000 + number}"
    return f"{name},person{number}@example.com,Example {number % 97} Ltd,{phone},{CITIES[number % len(CITIES)]}\n"
