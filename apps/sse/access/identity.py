"""Who sends a request: the user, the session and the address; and the share key of a user's pages."""

import functools
import ipaddress
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from ..conf import setting
from ..stream.registry import Client

ACCOUNT_FIELDS = ("password", "is_active", "is_staff", "is_superuser")
# A client with an IPv6 address has a whole network of them, which counts as one address.
IPV6_BITS = 64
SHARE_KEY_HEADER = "SSE-Share-Key"
OTHER_USER = "This page belongs to a different user than the one who is logged in. Reload it.\n"


def client_of(request: HttpRequest) -> Client:
    """Return the client of a request whose session and user are loaded."""
    user = getattr(request, "user", None)
    key = _session_key(getattr(request, "session", None))
    return Client(
        user_pk=user.pk if user is not None else None,
        session_key=key,
        address=address_of(request),
        session_hash=session_hash(key),
        fingerprint=fingerprint_of(user),
    )


def fingerprint_of(user: Any) -> int | None:
    """Return a hash of the account's current state, None for a visitor and for users of another model."""
    if getattr(user, "pk", None) is None or not isinstance(user, get_user_model()):
        return None
    return hash(tuple(getattr(user, name) for name in account_fields(get_user_model())))


@functools.cache
def account_fields(model: type[Model]) -> tuple[str, ...]:
    """Return those of `ACCOUNT_FIELDS` that a user model has."""
    names = {field.name for field in model._meta.concrete_fields}
    return tuple(name for name in ACCOUNT_FIELDS if name in names)


def session_hash(key: str) -> int:
    """Return the number that identifies a session where its key must not appear, 0 for no key."""
    return int.from_bytes(salted_hmac("apps.sse.session", key, algorithm="sha256").digest()[:7]) if key else 0


def address_of(request: HttpRequest) -> str:
    """
    Return the address that a request comes from: its network for IPv6, "" if unknown.

    `X-Forwarded-For` is trusted as far as proxies of `FORWARDED_ALLOW_IPS` wrote it. Where it holds no
    valid address, the address is that of the proxy that passed it on.
    """
    address = request.META.get("REMOTE_ADDR") or ""
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not (_is_trusted(address, setting("FORWARDED_ALLOW_IPS")) and (named := _without_port(hop))):
            break
        address = named
    return _network_of(address)


def addresses_in(hops: str) -> set[str]:
    """Return the addresses in an `X-Forwarded-For`, in the form of `address_of`."""
    return {_network_of(named) for hop in hops.split(",") if (named := _without_port(hop))}


def share_key(session: Any) -> str:
    """Return the key that the pages of one session share; its end identifies the user."""
    return _digest("session", session.session_key) + _user_part(session)


def refuse_other_user(request: HttpRequest) -> HttpResponse | None:
    """
    Return the response to a page of a user who is no longer logged in, None for other requests.

    Otherwise that page would show the new user's events. Requests without a share key are not refused.
    """
    key = request.headers.get(SHARE_KEY_HEADER)
    if not key or not hasattr(request, "session"):
        return None
    # Each valid secret key, so that a new one refuses no page.
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if key.endswith(tuple(_user_part(request.session, secret) for secret in secrets)):
        return None
    return HttpResponse(OTHER_USER, status=409, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _session_key(session: Any) -> str:
    """Return the key of a stored session, "" if there is none or it is kept in a cookie."""
    if session is None or isinstance(session, SignedCookies):
        return ""
    # Loads the session, which drops a key that is not stored.
    session.keys()
    return session.session_key or ""


def _is_trusted(address: str, proxies: str) -> bool:
    names, networks = trusted_proxies(proxies)
    ip = _parsed(address)
    return not names.isdisjoint(("*", address)) or any(ip in network for network in networks if ip is not None)


@functools.cache
def trusted_proxies(proxies: str) -> tuple[frozenset[str], list[Any]]:
    """Return the names of sockets, or `*` for all proxies, and the networks in `FORWARDED_ALLOW_IPS`."""
    names, networks = set(), []
    for part in filter(None, (part.strip() for part in proxies.split(","))):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            names.add(part)
    return frozenset(names), networks


def _without_port(hop: str) -> str:
    """Return the address of one hop, which some proxies write with a port; "" if it is not valid."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    return str(_parsed(hop) or "")


def _network_of(address: str) -> str:
    ip = _parsed(address)
    if ip is None or ip.version == 4 or ip.is_loopback:
        return str(ip or address)
    return str(ipaddress.ip_network((int(ip), IPV6_BITS), strict=False))


@functools.lru_cache
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def _user_part(session: Any, secret: str | None = None) -> str:
    return _digest("user", session.get(SESSION_KEY), secret)


def _digest(kind: str, value: str | None, secret: str | None = None) -> str:
    salt = f"apps.sse.share_key.{kind}"
    return salted_hmac(salt, value or "", secret=secret, algorithm="sha256").hexdigest()[:16]
