"""What SQLite and PostgreSQL are told, whichever database `DATABASE_URL` names."""

from typing import Any

SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;",
}
# A server that is gone without closing them is noticed within 25 seconds, not the kernel's 15 minutes.
POSTGRESQL = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def configured(database: dict[str, Any], pool: int) -> dict[str, Any]:
    """Return a database's settings with its options; `pool`: the most connections to PostgreSQL, 0 for no pool."""
    # An open stream must not keep a connection, so connections are given back after each use.
    settings = {**database, "CONN_MAX_AGE": 0}
    if database["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"] = dict(SQLITE)
    elif database["ENGINE"].endswith("postgresql"):
        # A connection that the database has closed, as it does when it restarts, is found out and replaced.
        settings["CONN_HEALTH_CHECKS"] = True
        settings["OPTIONS"] = {**POSTGRESQL, **database.get("OPTIONS", {})}
        if pool:
            settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool, "timeout": 10}
    return settings
