from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


class OperationsConfig(AppConfig):
    name = "apps.operations"

    def ready(self) -> None:
        post_migrate.connect(create_cache_table, sender=self)


def create_cache_table(using: str, **kwargs) -> None:
    """Create the table of a cache that is in the database, unless it exists."""
    call_command("createcachetable", database=using, verbosity=0)
