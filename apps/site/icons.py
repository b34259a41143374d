"""The site's pictures, drawn from its name and colour: icon and social card; and what robots may read."""

import io
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from PIL import Image, ImageDraw, ImageFont

from .brand import ink

ICON_SIZES = [(16, 16), (32, 32), (48, 48)]
CARD_SIZE = (1200, 630)
MARGIN = 90
ROBOTS = "User-agent: *\nDisallow: /accounts/\nDisallow: /api/\n"

kept_a_day = cache_control(public=True, max_age=24 * 3600)


@kept_a_day
def svg(request: HttpRequest) -> HttpResponse:
    """Return the icon that pages name."""
    return render(
        request,
        "favicon.svg",
        {"color": settings.SITE_COLOR, "ink": ink(settings.SITE_COLOR)},
        content_type="image/svg+xml",
    )


@kept_a_day
def ico(request: HttpRequest) -> HttpResponse:
    """Return the icon for programs that ask for `/favicon.ico`."""
    return HttpResponse(_icon(), content_type="image/x-icon")


@kept_a_day
def card(request: HttpRequest) -> HttpResponse:
    """Return the picture that other sites show beside a link to this one."""
    return HttpResponse(_card(), content_type="image/png")


@kept_a_day
def robots(request: HttpRequest) -> HttpResponse:
    """Return what search engines should leave out."""
    return HttpResponse(ROBOTS, content_type="text/plain")


@cache
def _icon() -> bytes:
    image = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, 255, 255), 56, settings.SITE_COLOR)
    image.alpha_composite(_waves(192), (32, 32))
    return _written(image, "ICO", sizes=ICON_SIZES)


@cache
def _card() -> bytes:
    image, color = Image.new("RGBA", CARD_SIZE, settings.SITE_COLOR), ink(settings.SITE_COLOR)
    image.alpha_composite(_waves(192), (MARGIN, MARGIN))
    width = CARD_SIZE[0] - 2 * MARGIN
    fonts = (ImageFont.load_default(size) for size in range(120, 20, -4))
    font = next((font for font in fonts if font.getlength(settings.SITE_NAME) <= width), None)
    ImageDraw.Draw(image).text((MARGIN, CARD_SIZE[1] - MARGIN), settings.SITE_NAME, color, font, anchor="ls")
    return _written(image.convert("RGB"), "PNG")


def _waves(size: int) -> Image.Image:
    """Return the sign of the site: a dot and two arcs around it, as in `favicon.svg`."""
    scale, image = 4 * size / 32, Image.new("RGBA", (4 * size, 4 * size))
    draw, color = ImageDraw.Draw(image), ink(settings.SITE_COLOR)
    for radius in (11, 20):
        box = [scale * each for each in (6 - radius, 26 - radius, 6 + radius, 26 + radius)]
        draw.arc(box, 270, 360, color, round(3 * scale))
    draw.circle((7 * scale, 25 * scale), 4 * scale, color)
    return image.resize((size, size))


def _written(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
