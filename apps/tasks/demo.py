"""Demo data: an import that is done and one that was cancelled, which continues on "Retry"."""

from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile

from . import work
from .models import Task

USERNAME = "ada"
CANCELLED_ROWS = 120_000
NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Radia Perlman", "José Núñez", "Zoë Lee")
CITIES = ("London", "New York", "Berlin", "Rotterdam", "Genève")


def lines(rows: int, *, bad_every: int = 100, first: int = 1) -> Iterator[str]:
    """Yield the lines of a CSV file; every `bad_every`-th row has no valid email address."""
    yield "name,email,company,phone,city\n"
    for number in range(first, first + rows):
        email = f"person{number}@example.com" if number % bad_every else "somebody at example.com"
        name, city = NAMES[number % len(NAMES)], CITIES[number % len(CITIES)]
        yield f"{name},{email},Example {number % 97} Ltd,+49 30 {1_000_000 + number},{city}\n"


def seed() -> None:
    """Create both once, if the demo user exists."""
    owner = get_user_model()._default_manager.filter(username=USERNAME).first()
    if owner is None or owner.tasks.exists():
        return
    work.run.call(import_of(owner, "contacts-spring.csv", lines(2_400)).pk)
    work.cancel(import_of(owner, "contacts-autumn.csv", lines(CANCELLED_ROWS, first=2_401)))


def import_of(owner, name: str, text: Iterator[str]) -> Task:
    data = "".join(text).encode()
    task = Task(owner=owner, name=name, total=len(data), file=ContentFile(data, name))
    work.start(task)
    return task
