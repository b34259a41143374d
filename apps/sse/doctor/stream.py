"""
The stream that the doctor listens to, and that is closed to everybody else.

The doctor shows a token that it has signed with the project's own `SECRET_KEY`, and publishes on a
channel that is only in that token, so that nobody else hears of it.
"""

import secrets
from typing import Any

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

from ..access import limits
from ..asgi import SCOPE_KEY
from ..conf import setting
from ..stream.subscription import Place, Subscription
from ..views import SSEView

HEADER = "SSE-Doctor"
TOKEN_SECONDS = 300


def make_token() -> str:
    """Return a token with which this site's doctor stream opens, for some minutes."""
    return _signer().sign(secrets.token_hex(8))


def channel_of(token: str) -> str:
    """Return the channel of a token; raises `BadSignature` if it is not this site's, or too old."""
    return "doctor." + _signer().unsign(token, max_age=TOKEN_SECONDS)


class DoctorStream(SSEView):
    """Says `server`, how this server holds the stream; then `listening`; then what the doctor publishes."""

    auto_id = False

    async def mount(self, request, last_event_id):
        try:
            self.channel = channel_of(request.headers.get(HEADER, ""))
        except BadSignature:
            return HttpResponse(
                "This stream is for manage.py sse_doctor.\n", status=403, content_type="text/plain"
            )

    async def stream(self, request):
        yield self.event("server", circumstances(request))
        # Without a position of its own, which only a server that can read its broker has.
        async with Subscription([self.channel], Place(None)) as events:
            yield self.event("listening", {})
            async for event in events:
                yield event


def circumstances(request: HttpRequest) -> dict[str, Any]:
    """Return how the server holds a stream that has begun, and what it takes its client to be."""
    scope = getattr(request, "scope", None)
    slot = (scope or {}).get(SCOPE_KEY)
    address, hops = limits.address_of(request), request.headers.get("X-Forwarded-For", "")
    return {
        "interface": "WSGI" if scope is None else "ASGI",
        "handed_off": slot is not None and slot.connection is not None,
        "broker": scheme(setting("SSE_BROKER_URL")),
        "address": address,
        "knows_its_proxy": not hops or address in limits.addresses_in(hops),
        "secure": request.is_secure(),
    }


def scheme(url: str) -> str:
    """Return how a broker's address begins, which holds no password."""
    return url.partition("://")[0] + "://"


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=__name__)
