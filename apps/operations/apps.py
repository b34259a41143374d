from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db.models.signals import post_migrate


class OperationsConfig(AppConfig):
    name = "apps.operations"

    def ready(self) -> None:
        # The signal is sent for apps with models only, and this one has none.
        post_migrate.connect(create_cache_table, sender=apps.get_app_config("sessions"))
        if apps.is_installed("django_tasks_db"):
            from . import mail

            mail.connect()


def create_cache_table(using: str, **kwargs) -> None:
    """Create the table of a cache that is in the database, unless it exists."""
    call_command("createcachetable", database=using, verbosity=0)
