"""The address of a Redis or Valkey server, from `SSE_BROKER_URL`."""

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import redis.asyncio
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

CONNECTIONS = 32
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0


class Address:
    """
    A URL of redis-py, and our option `prefix`, the prefix of all keys.

    Raises `ImproperlyConfigured` for an invalid URL. Does not connect.
    """

    def __init__(self, url: str) -> None:
        place, _, query = url.partition("?")
        try:
            _check(place)
            options = parse_qs(query)
            self.prefix = options.pop("prefix", ["sse"])[0]
            self._url = f"{place}?{urlencode(options, doseq=True)}"
            self.database = self.client().get_connection_kwargs().get("db", 0)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(
                f"SSE_BROKER_URL is not the URL of a Redis or Valkey server: {error}. Write redis://host:port/0, "
                "rediss://… for TLS, or unix:///path/to/socket. Options follow a question mark."
            ) from None

    def client(self) -> redis.Redis:
        """Return a client that threads can share."""
        pool = redis.BlockingConnectionPool.from_url(
            self._url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            # Retry once: a connection that was idle may be dead although the server is not.
            retry=Retry(NoBackoff(), 1, (ConnectionError,)),
            **_OPTIONS,
        )
        pool.connection_class(**pool.connection_kwargs)
        return redis.Redis(connection_pool=pool)

    def async_connection(self) -> Any:
        """Return a new connection for the running loop, without retries."""
        retry = AsyncRetry(NoBackoff(), 0)
        return redis.asyncio.ConnectionPool.from_url(self._url, retry=retry, **_OPTIONS).make_connection()


_OPTIONS: dict[str, Any] = {
    "decode_responses": True,
    "protocol": 2,
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": ANSWER_SECONDS,
}


def _check(place: str) -> None:
    """Raise `ValueError` for errors that redis-py ignores, or reports with part of the password."""
    parts = urlsplit(place)
    if parts.scheme == "unix":
        if parts.netloc or not parts.path:
            raise ValueError("the path of a Unix socket needs three slashes")
        return
    try:
        parts.port  # noqa: B018
    except ValueError:
        raise ValueError(
            "the port is not a number up to 65535, or the password contains a character to be percent-encoded"
        ) from None
    if not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError(f"{parts.path!r} is not a database number")
