"""A site with one of the brokers: how it is served and disturbed, and how its log is wiped and restored."""

import contextlib
import sqlite3
import subprocess
import sys
import time
import uuid

import psutil
import psycopg
import redis

from tests import servers

PACKAGE = "apps.sse.tests.chaos"
TEMPLATE = "migrated"
TABLES = ("sse_loggedevent", "sse_outgoingevent")


class Deployment:
    """A site whose state is in `folder`."""

    def __init__(self, folder, **variables):
        self.folder = folder
        self.variables = variables | {
            "DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings",
            "PROJECT_SETTINGS": f"{servers.PACKAGE}.settings",
            "DEBUG": "0",
            "HTTPS": "0",
            "ALLOWED_HOSTS": "127.0.0.1",
        }

    def serving(self, workers=1):
        """Serve the site in production settings: `with deployment.serving() as server`."""
        options = "--no-access-log" + (f" --workers {workers}" if workers > 1 else "")
        return servers.serving("uvicorn", self.folder, package=PACKAGE, options=options, **self.variables)

    def publisher(self, name, seconds, journal, channels):
        """Start a process that publishes."""
        return self.start("publisher", name, str(seconds), str(journal), *channels)

    def start(self, module, *arguments, **options):
        """Start one of the programs of this folder."""
        command = [sys.executable, "-m", f"{PACKAGE}.{module}", *arguments]
        environment = servers.environment_for(self.folder, **self.variables)
        return subprocess.Popen(command, cwd=servers.ROOT, env=environment, **options)


class SQLite(Deployment):
    """With the log in SQLite's file."""

    def disturb(self):
        """Lock the database for a moment."""
        with contextlib.closing(self._database()) as database:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(1.5)
            database.execute("ROLLBACK")

    def wipe(self):
        """Empty the log."""
        with contextlib.closing(self._database()) as database:
            for table in TABLES:
                database.execute(f"DELETE FROM {table}")
            database.execute("DELETE FROM sqlite_sequence")

    def back_up(self):
        """Back the database up."""
        with contextlib.closing(self._database()) as database:
            database.execute("VACUUM INTO ?", [str(self.folder / "backup")])

    def restore(self):
        """Restore the backup."""
        backup = sqlite3.connect(self.folder / "backup")
        with contextlib.closing(self._database()) as database, contextlib.closing(backup):
            backup.backup(database)

    def _database(self):
        return sqlite3.connect(self.folder / "db.sqlite3", timeout=20, isolation_level=None)


class PostgreSQL(Deployment):
    """With the log in PostgreSQL."""

    def __init__(self, server, folder, database):
        self.server = server
        self.url = server.url.rpartition("/")[0] + f"/{database}"
        super().__init__(folder, DATABASE_URL=self.url)

    @classmethod
    @contextlib.contextmanager
    def in_copy(cls, server, folder):
        """Run in a copy of the migrated database."""
        name = f"copy_{uuid.uuid4().hex}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield cls(server, folder, name)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def disturb(self):
        """Restart the server, which cuts all connections."""
        self.server.stop()
        self.server.start()

    def stop_bus(self):
        """Stop the server."""
        self.server.stop()

    def start_bus(self):
        """Start it again."""
        self.server.start()

    def cut_listeners(self):
        """Cut the connections on which processes listen, and return their number."""
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        return len(self.execute(cut + "AND application_name = 'sse'"))

    def wipe(self):
        """Empty the log."""
        self.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY")

    def back_up(self):
        """Back the log up."""
        self.execute("CREATE TABLE backup AS SELECT * FROM sse_loggedevent")

    def restore(self):
        """Restore the backup, as a dump does: the rows, and the next number after them."""
        self.wipe()
        self.execute("INSERT INTO sse_loggedevent SELECT * FROM backup")
        self.execute("SELECT setval(pg_get_serial_sequence('sse_loggedevent', 'number'), max(number)) FROM backup")

    def execute(self, query):
        """Run a query, commit it, and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []


class Valkey(Deployment):
    """With the log in Valkey or Redis, and the rest in SQLite."""

    def __init__(self, server, folder):
        self.server = server
        super().__init__(folder, SSE_BROKER_URL=server.url)

    def disturb(self):
        """Kill the server and start it again, which cuts all connections."""
        self.server.stop()
        time.sleep(0.5)
        self.server.start()

    def stop_bus(self):
        """Kill the server."""
        self.server.stop()

    def start_bus(self):
        """Start it again."""
        self.server.start()

    def cut_listeners(self):
        """Cut the connections on which processes listen, and return their number."""
        with redis.Redis.from_url(self.server.url) as client:
            return client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    def wipe(self):
        """Empty the log."""
        with redis.Redis.from_url(self.server.url) as client:
            client.flushall()

    def back_up(self):
        """Back the log up."""
        with redis.Redis.from_url(self.server.url) as client:
            self._backup = {key: client.dump(key) for key in client.scan_iter()}

    def restore(self):
        """Restore the backup."""
        with redis.Redis.from_url(self.server.url) as client, client.pipeline() as together:
            together.flushall()
            for key, value in self._backup.items():
                together.restore(key, 0, value)
            together.execute()


def migrate(server, folder):
    """Create the database that the tests copy; `folder` is for the project's other files."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    url = server.url.rpartition("/")[0] + f"/{TEMPLATE}"
    environment = servers.environment_for(folder, DATABASE_URL=url)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    servers.manage("demo_users", environment=environment)


def workers_of(server):
    """Return the worker processes of a server."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(_command(child))]


def _command(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
