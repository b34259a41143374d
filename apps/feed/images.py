"""Pictures that people upload, written anew: without what is hidden in them, and not larger than needed."""

import io
import secrets

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

MOST_BYTES = 10 * 2**20
MOST_PIXELS = 40_000_000
IMAGE_PIXELS = 1600
THUMBNAIL_PIXELS = 480


def check(upload: UploadedFile) -> None:
    """
    Raise `ValidationError` for a file that is too large to be looked at, whether or not it is a picture.

    A small file may hold a picture of any size, so its pixels are counted before they are read.
    """
    size = upload.size or 0
    if size > MOST_BYTES:
        raise ValidationError(
            _("This image has %(size)s, and %(most)s is the most. Make it smaller and try again."),
            params={"size": filesizeformat(size), "most": filesizeformat(MOST_BYTES)},
        )
    try:
        with Image.open(upload) as image:
            pixels = image.width * image.height
    except Image.DecompressionBombError:
        pixels = MOST_PIXELS + 1
    except (OSError, SyntaxError):
        pixels = 0
    if pixels > MOST_PIXELS:
        raise ValidationError(
            _("This image has more than %(most)s million pixels. Make it smaller and try again."),
            params={"most": MOST_PIXELS // 1_000_000},
        )
    upload.seek(0)


def sizes(upload: UploadedFile) -> tuple[ContentFile, ContentFile]:
    """Return the picture, and a thumbnail of it, both upright and as WebP."""
    with Image.open(upload) as image:
        upright = ImageOps.exif_transpose(image).convert("RGBA" if "transparency" in image.info else "RGB")
    name = secrets.token_urlsafe(12)
    return _fitted(upright, IMAGE_PIXELS, f"{name}.webp"), _fitted(upright, THUMBNAIL_PIXELS, f"{name}-small.webp")


def _fitted(image: Image.Image, pixels: int, name: str) -> ContentFile:
    fitted = image.copy()
    fitted.thumbnail((pixels, pixels))
    written = io.BytesIO()
    fitted.save(written, "WEBP", quality=80)
    return ContentFile(written.getvalue(), name)
