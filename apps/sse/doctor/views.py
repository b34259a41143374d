"""The stream that `sse_doctor` opens with a token signed by `SECRET_KEY`, which holds a secret channel."""

import secrets

from django.core import signing
from django.core.exceptions import PermissionDenied

from ..access import identity
from ..brokers import broker_name
from ..servers.asgi import SCOPE_KEY
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
    """Sends `server`, with what the server sees, then `listening`, then the events that the doctor publishes."""

    auto_id = False

    async def mount(self, request, last_event_id):
        self.held = getattr(request, "scope", {}).get(SCOPE_KEY)
        try:
            self.channel = channel_of(request.headers.get(HEADER, ""))
        except signing.BadSignature as error:
            raise PermissionDenied("This stream is for manage.py sse_doctor.") from error

    async def stream(self, request):
        address, hops = identity.address_of(request), request.headers.get("X-Forwarded-For", "")
        facts = {
            "interface": "ASGI" if hasattr(request, "scope") else "WSGI",
            "handed_off": self.held is not None and self.held.handed_off is not None,
            "broker": broker_name(),
            "address": address,
            "knows_its_proxy": not hops or address in identity.addresses_in(hops),
            "secure": request.is_secure(),
        }
        yield self.event("server", facts)
        # A stream with positions would be refused if the server cannot read its broker.
        async with Subscription([self.channel], StreamStart(None)) as events:
            yield self.event("listening", {})
            async for event in events:
                yield event
