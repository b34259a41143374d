"""The style with the site's colour. The policy allows it by its hash: an error page has no nonce."""

from base64 import b64encode
from hashlib import sha256


def style(color: str) -> str:
    """Return the style that gives the tokens their brand colour."""
    return f":root{'{'}--brand:{color}{'}'}"


def csp_source(text: str) -> str:
    """Return the source expression of a Content-Security-Policy that allows a style with exactly this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
