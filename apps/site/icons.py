"""The icon and the social card, drawn with the site's name and colour, and `robots.txt`."""

import io
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from PIL import Image, ImageDraw, ImageFont

from .brand import text_color

ICON_SIZES = [(16, 16), (32, 32), (48, 48)]
CARD_SIZE = (1200, 630)
MARGIN = 90
ROBOTS = "User-agent: *\nDisallow: /accounts/\nDisallow: /api/\n"

cache_for_a_day = cache_control(public=True, max_age=24 * 3600)


@cache_for_a_day
def svg(request: HttpRequest) -> HttpResponse:
    """Return the icon that pages link to."""
    colors = {"color": settings.SITE_COLOR, "text_color": text_color(settings.SITE_COLOR)}
    return render(request, "favicon.svg", colors, content_type="image/svg+xml")


@cache_for_a_day
def ico(request: HttpRequest) -> HttpResponse:
    """Return the icon for programs that request `/favicon.ico`."""
    return HttpResponse(_icon(), content_type="image/x-icon")


@cache_for_a_day
def card(request: HttpRequest) -> HttpResponse:
    """Return the picture that other sites show with a link to this one."""
    return HttpResponse(_card(), content_type="image/png")


@cache_for_a_day
def robots(request: HttpRequest) -> HttpResponse:
    """Return the paths that search engines should leave out."""
    return HttpResponse(ROBOTS, content_type="text/plain")


@cache
def _icon() -> bytes:
    image = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, 255, 255), 56, settings.SITE_COLOR)
    image.alpha_composite(_waves(192), (32, 32))
    return _encode(image, "ICO", sizes=ICON_SIZES)


@cache
def _card() -> bytes:
    image, color = Image.new("RGBA", CARD_SIZE, settings.SITE_COLOR), text_color(settings.SITE_COLOR)
    image.alpha_composite(_waves(192), (MARGIN, MARGIN))
    width = CARD_SIZE[0] - 2 * MARGIN
    fonts = (ImageFont.load_default(size) for size in range(120, 20, -4))
    font = next((font for font in fonts if font.getlength(settings.SITE_NAME) <= width), None)
    ImageDraw.Draw(image).text((MARGIN, CARD_SIZE[1] - MARGIN), settings.SITE_NAME, color, font, anchor="ls")
    return _encode(image.convert("RGB"), "PNG")


def _waves(size: int) -> Image.Image:
    """Return the logo: a dot and two arcs around it, as in `favicon.svg`."""
    scale, image = 4 * size / 32, Image.new("RGBA", (4 * size, 4 * size))
    draw, color = ImageDraw.Draw(image), text_color(settings.SITE_COLOR)
    for radius in (11, 20):
        box = [scale * each for each in (6 - radius, 26 - radius, 6 + radius, 26 + radius)]
        draw.arc(box, 270, 360, color, round(3 * scale))
    draw.circle((7 * scale, 25 * scale), 4 * scale, color)
    return image.resize((size, size))


def _encode(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
