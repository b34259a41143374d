"""The stream that `sse_doctor` opens with a token signed by `SECRET_KEY`, which holds a secret channel."""

import secrets
from typing import Any

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ..access import identity
from ..conf import setting
from ..servers.asgi import SCOPE_KEY, HeldRequest
from ..stream.subscription import StreamStart, Subscription
from ..views import SSEView

HEADER = "SSE-Doctor"
TOKEN_SECONDS = 300


def make_token() -> str:
    """Return a token that opens this site's `DoctorStream` for `TOKEN_SECONDS`."""
    return signing.dumps(secrets.token_hex(8), salt=__name__)


def channel_of(token: str) -> str:
    """Return the channel of a token; raises `BadSignature` if the token is not this site's or has expired."""
    return "doctor." + signing.loads(token, salt=__name__, max_age=TOKEN_SECONDS)


class DoctorStream(SSEView):
    """Sends `server`, with the `server_facts`, then `listening`, then the events that the doctor publishes."""

    auto_id = False

    async def mount(self, request, last_event_id):
        self.held = getattr(request, "scope", {}).get(SCOPE_KEY)
        try:
            self.channel = channel_of(request.headers.get(HEADER, ""))
        except signing.BadSignature as error:
            raise PermissionDenied("This stream is for manage.py sse_doctor.") from error

    async def stream(self, request):
        yield self.event("server", server_facts(request, self.held))
        # A stream with positions would be refused if the server cannot read its broker.
        async with Subscription([self.channel], StreamStart(None)) as events:
            yield self.event("listening", {})
            async for event in events:
                yield event


def server_facts(request: HttpRequest, held: HeldRequest | None) -> dict[str, Any]:
    """Return how the server serves this stream, and which address and scheme it sees."""
    address, hops = identity.address_of(request), request.headers.get("X-Forwarded-For", "")
    return {
        "interface": "ASGI" if hasattr(request, "scope") else "WSGI",
        "handed_off": held is not None and held.handed_off is not None,
        "broker": scheme(setting("SSE_BROKER_URL")),
        "address": address,
        "knows_its_proxy": not hops or address in identity.addresses_in(hops),
        "secure": request.is_secure(),
    }


def scheme(url: str) -> str:
    """Return the scheme of a broker's URL, which contains no password."""
    return url.partition("://")[0] + "://"
