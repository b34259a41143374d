"""Demo data: finished imports, and a cancelled one to retry."""

import random
from collections.abc import Iterator
from datetime import timedelta

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
    """Create them once, if the demo user exists."""
    owner = get_user_model()._default_manager.filter(username=USERNAME).first()
    if owner is None or Task.objects.filter(owner=owner).exists():
        return
    seed_past(owner)
    work.run.call(create_import(owner, "contacts-spring.csv", lines(2_400)).pk)
    work.cancel(create_import(owner, "contacts-autumn.csv", lines(CANCELLED_ROWS, first=2_401)))


def seed_past(owner) -> None:
    """Add finished imports of the last month, half of them of the last two days, for the dashboard."""
    ages = sorted((random.uniform(1, random.choice((48, 720))) for _ in range(40)), reverse=True)
    tasks = [Task(owner=owner, name="contacts.csv", state=Task.State.DONE) for _ in ages]
    for task, hours in zip(Task.objects.bulk_create(tasks), ages, strict=True):
        task.rows, task.created_at = random.randint(200, 2_400), task.created_at - timedelta(hours=hours)
    Task.objects.bulk_update(tasks, ["rows", "created_at"])


def create_import(owner, name: str, text: Iterator[str]) -> Task:
    data = "".join(text).encode()
    task = Task(owner=owner, name=name, total=len(data), file=ContentFile(data, name))
    work.start(task)
    return task
