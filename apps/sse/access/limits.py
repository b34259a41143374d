"""How many streams one user, one address and one process may have, and how often one user may publish."""

import contextlib
import functools
import ipaddress
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist

from ..conf import setting
from ..stream import registry
from ..stream.registry import Client
from .accounts import fingerprint_of, session_hash

RETRY_SECONDS = (5, 15)
# A client with an IPv6 address has a whole network of them: as many of the first bits tell clients apart.
IPV6_BITS = 64

WINDOW_SECONDS = 60
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

logger = logging.getLogger("apps.sse")

# Held from a look at the limits until the seat is taken, since a server may answer in many threads.
admission = threading.Lock()


def client_of(request: HttpRequest) -> Client:
    """Return who has sent a request, whose session and user were read already."""
    user = getattr(request, "user", None)
    key = _session_key(getattr(request, "session", None))
    return Client(
        user_pk=user.pk if user is not None else None,
        session_key=key,
        address=address_of(request),
        session_hash=session_hash(key),
        fingerprint=fingerprint_of(user),
    )


def address_of(request: HttpRequest) -> str:
    """
    Return the address that a request comes from, or its network of IPv6, "" if that cannot be told.

    `X-Forwarded-For` is believed as far as it was written by proxies of `FORWARDED_ALLOW_IPS`: what
    is no address there was written by nobody, and counts for the proxy that passed it on.
    """
    address = request.META.get("REMOTE_ADDR") or ""
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not (_is_trusted(address, setting("FORWARDED_ALLOW_IPS")) and (named := _without_port(hop))):
            break
        address = named
    return _network_of(address)


def addresses_in(hops: str) -> set[str]:
    """Return the addresses that an `X-Forwarded-For` names, written as `address_of` writes them."""
    return {_network_of(named) for hop in hops.split(",") if (named := _without_port(hop))}


def refusal(client: Client) -> HttpResponse | None:
    """Return the answer to a client that has, or whose process has, enough streams; None for others."""
    seats = registry.connection_counts
    if seats.total >= (setting("SSE_MAX_TOTAL") or math.inf):
        return refuse(503, "This server has reached its limit of open streams.")
    if client.address and seats.addresses[client.address] >= (setting("SSE_MAX_PER_ADDRESS") or math.inf):
        return refuse(429, "Too many open streams from this address.")
    if client.user_pk is not None and seats.users[client.user_pk] >= (setting("SSE_MAX_PER_USER") or math.inf):
        return refuse(429, "Too many open streams of this user.")
    return None


def refuse(status: int, reason: str) -> HttpResponse:
    """Return the answer that sends a client away for some seconds, before any byte of a stream."""
    response = HttpResponse(f"{reason}\n", status=status, content_type="text/plain")
    # Spread, so that the refused do not come back all at once.
    response.headers["Retry-After"] = str(random.randint(*RETRY_SECONDS))
    response.headers["Cache-Control"] = "no-store"
    return response


def rate_limited(view: Callable) -> Callable:
    """
    Decorate a synchronous view that publishes: a user who sends too many requests gets 429 and `Retry-After`.

    `SSE_MAX_PUBLISH_PER_MINUTE` is the limit. The template `429.html`, if it exists, is rendered with
    the `seconds` to wait. GET and HEAD requests do not count.
    """

    @functools.wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = 0 if request.method in SAFE_METHODS else retry_after(request.user)
        return _refusal(request, seconds) if seconds else view(request, *args, **kwargs)

    return limited


def retry_after(user: Any) -> int:
    """
    Count an action of `user` that publishes; return 0 if it is allowed, or the seconds to wait.

    `SSE_MAX_PUBLISH_PER_MINUTE` limits the sum of these actions. They are counted in Django's cache, for
    all processes that share it.
    """
    most, now = setting("SSE_MAX_PUBLISH_PER_MINUTE"), time.time()
    if not most or user.pk is None:
        return 0
    if _count(f"sse.rate.{user.pk}.{now // WINDOW_SECONDS:.0f}") <= most:
        return 0
    return math.ceil(WINDOW_SECONDS - now % WINDOW_SECONDS)


def _count(key: str) -> int:
    try:
        cache.add(key, 0, 2 * WINDOW_SECONDS)
        return cache.incr(key)
    except Exception:
        # People can post while the cache is away.
        logger.warning("The cache does not respond, so no rate limit is applied.", exc_info=True)
        return 0


def _refusal(request: HttpRequest, seconds: int) -> HttpResponse:
    response = refuse(429, f"Too many requests. Try again in {seconds} seconds.")
    with contextlib.suppress(TemplateDoesNotExist):
        response = render(request, "429.html", {"seconds": seconds}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _session_key(session: Any) -> str:
    """Return the key of a session that is there, "" for none and for one that is a cookie and has no key."""
    if session is None or isinstance(session, SignedCookies):
        return ""
    # Reading a session shows whether it is there.
    session.keys()
    return session.session_key or ""


def _is_trusted(address: str, proxies: str) -> bool:
    everyone, names, networks = _trusted(proxies)
    ip = _parsed(address)
    return everyone or address in names or (ip is not None and any(ip in network for network in networks))


@functools.cache
def _trusted(proxies: str) -> tuple[bool, frozenset[str], list[Any]]:
    """Return whether everyone is trusted, and which names of sockets and which networks are."""
    names, networks = set(), []
    for part in filter(None, (part.strip() for part in proxies.split(","))):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            names.add(part)
    return "*" in names, frozenset(names), networks


def _without_port(hop: str) -> str:
    """Return the address of one place on the way, which some proxies write with a port; "" if it is none."""
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


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
