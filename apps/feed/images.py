"""Uploaded pictures: decoded in bounded memory and encoded again, without their metadata."""

import io
import secrets
from concurrent.futures import ThreadPoolExecutor

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.forms import ImageField
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

MOST_BYTES = 10 * 2**20
# Allow no other formats: Pillow runs external programs for some.
FORMATS = ["JPEG", "PNG", "GIF", "WEBP"]
# Decoding and shrinking a picture takes 24 bytes of memory per pixel for WebP, at most 12 for the others.
MOST_DECODED_BYTES = 300_000_000
# Each scan of a progressive JPEG is a pass over all pixels. Programs write about ten; 10 MB can hold 200,000.
MOST_SCANS = 50
START_OF_SCAN = b"\xff\xda"
IMAGE_PIXELS = 1600
THUMBNAIL_PIXELS = 480
WAIT_SECONDS = 20.0

# One picture at a time, to bound memory; in one thread, because the C library keeps much of the memory that each
# thread frees.
decoder = ThreadPoolExecutor(1, "pictures")


def sizes(upload: UploadedFile) -> tuple[ContentFile, ContentFile]:
    """
    Return the picture, and a thumbnail of it, both upright and as WebP.

    Raises `ValidationError` for a file that is too large or not a picture, and if the queue is too long.
    """
    if (upload.size or 0) > MOST_BYTES:
        raise ValidationError(
            _("This image is %(size)s. The limit is %(most)s. Make it smaller and try again."),
            params={"size": filesizeformat(upload.size), "most": filesizeformat(MOST_BYTES)},
        )
    written = decoder.submit(_written, upload)
    try:
        return written.result(WAIT_SECONDS)
    except ValidationError:
        raise
    except TimeoutError:
        written.cancel()
        message = _("The server is processing other images. Try again in a minute.")
        raise ValidationError(message, code="busy") from None
    except Image.DecompressionBombError:
        raise _too_many(_most_pixels()) from None
    except Exception as error:
        # A crafted file can make Pillow raise nearly anything.
        raise ValidationError(ImageField.default_error_messages["invalid_image"], code="invalid_image") from error


def _written(upload: UploadedFile) -> tuple[ContentFile, ContentFile]:
    image, name = _decoded(upload), secrets.token_urlsafe(12)
    return _fitted(image, IMAGE_PIXELS, f"{name}.webp"), _fitted(image, THUMBNAIL_PIXELS, f"{name}-small.webp")


def _decoded(upload: UploadedFile) -> Image.Image:
    """Return the picture's first frame, upright, at most twice as large as it is kept."""
    with Image.open(upload, formats=FORMATS) as image:
        _check_pixels(image)
        _check_scans(image, upload)
        image.draft(None, (IMAGE_PIXELS, IMAGE_PIXELS))
        # Before any conversion: all pixels as RGBA may take several times the memory of the file's own mode.
        image.thumbnail((2 * IMAGE_PIXELS, 2 * IMAGE_PIXELS))
        ImageOps.exif_transpose(image, in_place=True)
        return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _check_pixels(image: Image.Image) -> None:
    """Raise `ValidationError` if decoding would take too much memory: a file of 5 KB may hold 40 megapixels."""
    most = _most_pixels(image.format)
    if image.width * image.height > most:
        raise _too_many(most)


def _check_scans(image: Image.Image, upload: UploadedFile) -> None:
    """Raise `ValueError` if decoding would take minutes. The marker does not occur in compressed data."""
    if image.format in ("JPEG", "MPO"):
        upload.seek(0)
        if upload.read().count(START_OF_SCAN) > MOST_SCANS:
            raise ValueError(f"more than {MOST_SCANS} scans")


def _most_pixels(format: str | None = None) -> int:
    return MOST_DECODED_BYTES // (24 if format == "WEBP" else 12)


def _too_many(most: int) -> ValidationError:
    return ValidationError(
        _("This image has more than %(most)s million pixels. Make it smaller and try again."),
        params={"most": f"{most / 1_000_000:g}"},
    )


def _fitted(image: Image.Image, pixels: int, name: str) -> ContentFile:
    """Make the picture smaller, and return it as a file."""
    image.thumbnail((pixels, pixels))
    written = io.BytesIO()
    image.save(written, "WEBP", quality=80)
    return ContentFile(written.getvalue(), name)
