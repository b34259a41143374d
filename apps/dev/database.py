"""The databases that development commands may change."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError


def name_of_database() -> str:
    """Return the database as `host:port/name`, or the path of an SQLite file, for `DEVELOPMENT_DATABASE`."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        return str(database["NAME"])
    port = f":{database['PORT']}" if database.get("PORT") else ""
    return f"{database.get('HOST') or 'localhost'}{port}/{database['NAME']}"


def refuse_foreign_database() -> None:
    """Raise `CommandError` unless the database is SQLite in `DATA_DIR`, or `DEVELOPMENT_DATABASE` names it."""
    name = name_of_database()
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if (is_sqlite and Path(name).parent == settings.DATA_DIR) or name == settings.DEVELOPMENT_DATABASE:
        return
    raise CommandError(
        f"DATABASE_URL is set to {name}, which may be a production database. This command would migrate it and "
        "create demo accounts in it, so it did nothing. If the database is for development only, set "
        f"DEVELOPMENT_DATABASE={name}. Otherwise remove DATABASE_URL from .env and the environment to use SQLite "
        "in DATA_DIR."
    )
