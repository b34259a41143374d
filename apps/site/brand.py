"""The site's colour as CSS, allowed by its hash: an error page has no nonce."""

from base64 import b64encode
from hashlib import sha256

# The luminance at which black and white text have the same contrast.
EQUAL_CONTRAST = 0.179


def style(color: str) -> str:
    """Return the CSS that sets the brand colour."""
    return f":root{'{'}--brand:{color}{'}'}"


def text_color(color: str) -> str:
    """Return white or black: the text colour with more contrast on `color` (WCAG 2.2, relative luminance)."""
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if luminance > EQUAL_CONTRAST else "#ffffff"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def csp_source(text: str) -> str:
    """Return the source expression of a Content-Security-Policy that allows exactly this inline style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
