"""Environment variables for the settings. The error for an invalid value names the variable."""

import contextlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.db.utils import load_backend

BOOLEANS = {"": False} | dict.fromkeys(("1", "true", "yes", "on"), True)
BOOLEANS |= dict.fromkeys(("0", "false", "no", "off"), False)
# gunicorn and uvicorn do not restart a process that ends with this exit code.
CANNOT_START = 3
URLS = {
    "DATABASE_URL": "postgres://user:password@host:5432/name or sqlite:////path/to/file",
    "CACHE_URL": "rediscache://host:6379/1 or dbcache://table",
    "EMAIL_URL": "smtp+tls://user:password@host:587, smtp://host:25 or consolemail://",
}
SMTP = {"host": "HOST", "port": "PORT", "username": "HOST_USER", "password": "HOST_PASSWORD"}
SMTP |= {"use_tls": "USE_TLS", "use_ssl": "USE_SSL"}
# A mail server that does not answer holds a task worker for this time.
MAIL_SECONDS = 10
SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;",
}
# Connections are opened again after this time, in case that the file was replaced.
SQLITE_SECONDS = 1
# Where browsers go to log in with another site. allauth knows more sites.
LOGIN_SITES = {
    "github": "https://github.com",
    "google": "https://accounts.google.com",
    "microsoft": "https://login.microsoftonline.com",
}
# All addresses begin with the endpoint, which the Content-Security-Policy allows. Browsers keep the redirect to a
# signed address for an hour; it is valid for two. Files above a MiB are read from the disk.
S3 = {
    "addressing_style": "path",
    "signature_version": "s3v4",
    "querystring_expire": 7200,
    "file_overwrite": False,
    "max_memory_size": 2**20,
}
# A vanished server is noticed within 25 seconds. The kernel's default is 15 minutes.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}


class Environment(environ.Env):
    """django-environ's `Env`, with methods that raise `ImproperlyConfigured` for an invalid value."""

    EMAIL_SCHEMES = environ.Env.EMAIL_SCHEMES | {"consolemail": "apps.dev.mail.EmailBackend"}

    def error(self, name, expected):
        """Return the error for an invalid value, and show the value."""
        return ImproperlyConfigured(f"{name} is {self.str(name, default='')!r}. Set it to {expected}.")

    def bool(self, name, default):
        """Return a boolean, written as 1 or 0."""
        if name not in self:
            return default
        value = self.str(name).strip().lower()
        if value not in BOOLEANS:
            raise self.error(name, "1 or 0")
        return BOOLEANS[value]

    def int(self, name, default, minimum=0):
        """Return a whole number of at least `minimum`."""
        if name not in self:
            return default
        value = self.str(name)
        if not re.fullmatch(r"[0-9]+", value) or int(value) < minimum:
            raise self.error(name, f"a whole number of at least {minimum}")
        return int(value)

    def choice(self, name, default, choices, expected=""):
        """Return one of the choices."""
        value = self.str(name, default=default)
        if value not in choices:
            raise self.error(name, expected or f"one of {', '.join(choices)}")
        return value

    def matching(self, name, default, pattern, expected):
        """Return a string that fully matches a pattern."""
        value = self.str(name, default=default)
        if not re.fullmatch(pattern, value):
            raise self.error(name, expected)
        return value

    def all_matching(self, name, pattern, expected, required=False):
        """Return a list of strings that fully match a pattern; it may be empty unless `required`."""
        found = self.list(name, default=[])
        if (required and not found) or not all(re.fullmatch(pattern, each) for each in found):
            raise self.error(name, expected)
        return found

    def folder(self, name, default):
        """Return the path of a folder, which is created if it is missing."""
        path = Path(self.str(name, default=str(default)))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{name} is {str(path)!r}, a folder that cannot be created ({error.strerror})."
            raise ImproperlyConfigured(message) from None
        return path

    def database(self, name, default, pool):
        """Return the settings of a database; `pool` is the maximum of PostgreSQL connections, 0 for no pool."""
        # Connections are returned after each use, so that open streams hold none.
        settings = {**(self._database(name) if name in self else default), "CONN_MAX_AGE": 0}
        if settings["ENGINE"].endswith("sqlite3"):
            settings["OPTIONS"] = dict(SQLITE)
            # Opening the file and reading its schema costs more than a usual request's queries.
            settings["CONN_MAX_AGE"] = SQLITE_SECONDS
        elif settings["ENGINE"].endswith("postgresql"):
            settings["ENGINE"] = "apps.operations.postgresql"
            # Connections that the database has closed, for example by a restart, are replaced.
            settings["CONN_HEALTH_CHECKS"] = True
            settings["OPTIONS"] = {"connect_timeout": 3, **KEEPALIVE, **settings.get("OPTIONS", {})}
            if pool:
                settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool, "timeout": 10}
        return settings

    def _database(self, name):
        scheme = self.str(name).partition(":")[0]
        config = self._url(name, self.db_url) if scheme in self.DB_SCHEMES or "." in scheme else {}
        if not config.get("NAME"):
            raise invalid_url(name)
        try:
            load_backend(config["ENGINE"])
        except ImproperlyConfigured as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise ImproperlyConfigured(f"{name} names a database that cannot be used: {reason}.") from None
        folder = Path(config["NAME"]).parent
        if config["ENGINE"].endswith("sqlite3") and not folder.is_dir():
            raise ImproperlyConfigured(f"{name} is a file in {folder}, but that folder does not exist.")
        return config

    def token(self, name, default):
        """Return a token that is valid in a header."""
        value = self.str(name, default=default)
        if not re.fullmatch(r"[!-~]*", value):
            raise ImproperlyConfigured(
                f"{name} is not valid in a header. Set it to 32 or more random letters and digits."
            )
        return value

    def cache(self, name, default):
        """Return the settings of a cache."""
        config = self._url(name, self.cache_url, default)
        if config["BACKEND"].endswith("RedisCache"):
            # Seconds. Without timeouts a request would wait for a dead server.
            config.setdefault("OPTIONS", {}).update(socket_timeout=1, socket_connect_timeout=1)
        return config

    def streams(self):
        """Return the settings of streams that are set."""
        names = [name for name in self.ENVIRON if name.startswith("SSE_")]
        found = {name: self.str(name) if name.endswith("_URL") else self.int(name, None) for name in names}
        others = {"FORWARDED_ALLOW_IPS": self.str, "METRICS_TOKEN": self.token}
        return found | {name: read(name, default=None) for name, read in others.items() if name in self}

    def uploads(self, name, endpoint):
        """Return the storage of uploads: a folder, or the bucket that a variable names, of an object store."""
        bucket = self.matching(name, "", r"([a-z0-9][a-z0-9.-]{2,62})?", "the name of a bucket")
        if not bucket:
            return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
        if not endpoint:
            raise ImproperlyConfigured(f"{name} is set, but the address of its object store is not.")
        if find_spec("storages") is None:
            raise ImproperlyConfigured(f"{name} is set, but its client is missing: install requirements-s3.txt.")
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {**S3, "bucket_name": bucket, "endpoint_url": endpoint},
        }

    def logins(self):
        """Return allauth's settings of the sites that have a `NAME_CLIENT_ID`, and their addresses."""
        gitlab = self.matching(
            "GITLAB_URL", "https://gitlab.com", r"https?://[^/\s]+", "https://gitlab.example.com"
        )
        sites, apps = LOGIN_SITES | {"gitlab": gitlab}, {}
        for name in sites:
            if client_id := self.str(f"{name.upper()}_CLIENT_ID", default=""):
                secret = self.str(f"{name.upper()}_CLIENT_SECRET", default="")
                apps[name] = {"client_id": client_id, "secret": secret, "settings": {"gitlab_url": gitlab}}
        if apps and not (find_spec("requests") and find_spec("jwt")):
            text = "is set, but its client is missing: make add PACKAGE='django-allauth[mfa,socialaccount]'."
            raise ImproperlyConfigured(f"{min(apps).upper()}_CLIENT_ID {text}")
        return {name: {"APPS": [app]} for name, app in apps.items()}, [sites[name] for name in apps]

    def mailer(self, name, default):
        """Return a mailer's settings."""
        config = self._url(name, self.email_url, default)
        mailer = {"BACKEND": config["EMAIL_BACKEND"]}
        if mailer["BACKEND"].endswith("smtp.EmailBackend"):
            if not config["EMAIL_HOST"]:
                raise invalid_url(name)
            mailer["OPTIONS"] = {option: config.get(f"EMAIL_{key}", False) for option, key in SMTP.items()}
            mailer["OPTIONS"]["timeout"] = MAIL_SECONDS
        return mailer

    def _url(self, name, read, default=environ.Env.NOTSET):
        try:
            address = urlsplit(self.str(name, default=""))
            if "," not in address.netloc and address.netloc != ":memory:":
                address.port  # noqa: B018  (raises for an invalid port)
            return read(name, default=default)
        except (ImproperlyConfigured, ValueError, KeyError):
            raise invalid_url(name) from None


def invalid_url(name):
    """Return the error for an invalid URL. It may contain a password, so it is not shown."""
    return ImproperlyConfigured(f"{name} is not a valid URL. Set it to {URLS[name]}.")


def development_secret_key(folder):
    """Return the key in the data folder, created on first use, so that logins survive a restart."""
    file = folder / "secret_key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(get_random_secret_key())
    return file.read_text()


@contextlib.contextmanager
def errors_as_sentences():
    """Print the message of `ImproperlyConfigured` without a traceback, and exit."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CANNOT_START)
