"""Demo data: a finished import, and a cancelled one to retry."""

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
        email = f"person{number}@example.com" if number % bad_every else "person at example.com"
        name, city = NAMES[number % len(NAMES)], CITIES[number % len(CITIES)]
        yield f"{name},{email},Example {number % 97} Ltd,+49 30 {1_000_000 + number},{city}\n"


def seed() -> None:
    """Create both once, if the demo user exists."""
    owner = get_user_model()._default_manager.filter(username=USERNAME).first()
    if owner is None or Task.objects.filter(owner=owner).exists():
        return
    work.run.call(create_import(owner, "contacts-spring.csv", lines(2_400)).pk)
    work.cancel(create_import(owner, "contacts-autumn.csv", lines(CANCELLED_ROWS, first=2_401)))


def create_import(owner, name: str, text: Iterator[str]) -> Task:
    data = "".join(text).encode()
    task = Task(owner=owner, name=name, total=len(data), file=ContentFile(data, name))
    work.start(task)
    return task
