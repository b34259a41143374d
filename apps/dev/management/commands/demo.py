"""Calls `seed()` of each app's module `demo`, which creates data, and then `tick()`, which creates an event."""

import random
import time
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import module_has_submodule

from apps.dev.database import refuse_foreign_database


class Command(BaseCommand):
    help = "Creates demo data, then a new event every few seconds until Ctrl-C. Needs DEBUG."

    def add_arguments(self, parser):
        parser.add_argument("--seed", action="store_true", help="only create the missing demo data")
        parser.add_argument("--pause", type=float, default=3.0, help="average seconds between events")

    def handle(self, *args, seed: bool, pause: float, **options) -> None:
        if not settings.DEBUG:
            raise CommandError("Demo data needs DEBUG. Set DEBUG=1 on a development machine only.")
        refuse_foreign_database()
        if pause <= 0:
            raise CommandError(f"--pause is {pause:g}. Set it to a number of seconds above 0.")
        demos = [*demo_modules()]
        for demo in demos:
            demo.seed()
        if seed:
            return
        ticks = [demo.tick for demo in demos if hasattr(demo, "tick")]
        self.stdout.write("A demo event is created every few seconds. Press Ctrl-C to stop.")
        try:
            while True:
                time.sleep(random.uniform(0.5, 1.5) * pause)
                random.choice(ticks)()
        except KeyboardInterrupt:
            self.stdout.write("")  # a new line after ^C


def demo_modules() -> Iterator[ModuleType]:
    """Yield the `demo` modules of the installed apps."""
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and module_has_submodule(config.module, "demo"):  # type: ignore[arg-type]
            yield import_module(f"{config.name}.demo")
