"""Who listens, and how many streams one user, one address and one process may have."""

import ipaddress
import math
import random

from django.http import HttpRequest, HttpResponse

from . import connections
from .conf import setting
from .connections import Client

RETRY_SECONDS = (5, 15)


def client_of(request: HttpRequest) -> Client:
    """Return who has sent a request, whose session and user were read already."""
    user = getattr(request, "user", None)
    session = getattr(request, "session", None)
    return Client(
        user_pk=user.pk if user is not None else None,
        session_key=(session.session_key or "") if session is not None else "",
        address=address_of(request),
    )


def address_of(request: HttpRequest) -> str:
    """
    Return the address that a request comes from, "" if that cannot be told.

    `X-Forwarded-For` is believed as far as it was written by proxies of `FORWARDED_ALLOW_IPS`.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trail = [*hops, request.META.get("REMOTE_ADDR") or ""]
    trusted = [part.strip() for part in setting("FORWARDED_ALLOW_IPS").split(",") if part.strip()]
    for address in reversed(trail):
        if not _is_trusted(address, trusted):
            return address
    return trail[0]


def refusal(client: Client) -> HttpResponse | None:
    """Return the answer to a client that has, or whose process has, enough streams; None for others."""
    seats = connections.seats
    if seats.total >= (setting("SSE_MAX_TOTAL") or math.inf):
        return refuse(503, "This server has as many streams as it takes.")
    if client.address and seats.addresses[client.address] >= (setting("SSE_MAX_PER_ADDRESS") or math.inf):
        return refuse(429, "There are too many streams from this address.")
    if client.user_pk is not None and seats.users[client.user_pk] >= (setting("SSE_MAX_PER_USER") or math.inf):
        return refuse(429, "There are too many streams of this user.")
    return None


def refuse(status: int, reason: str) -> HttpResponse:
    """Return the answer that sends a client away for some seconds, before any byte of a stream."""
    response = HttpResponse(f"{reason}\n", status=status, content_type="text/plain")
    # Spread, so that the refused do not come back all at once.
    response.headers["Retry-After"] = str(random.randint(*RETRY_SECONDS))
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_trusted(address: str, trusted: list[str]) -> bool:
    if "*" in trusted:
        return True
    try:
        ip = ipaddress.ip_address(address)
        return any(ip in ipaddress.ip_network(network, strict=False) for network in trusted)
    except ValueError:
        return address in trusted
