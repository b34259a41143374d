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

MAX_BYTES = 10 * 2**20
# Allow no other formats: Pillow runs external programs for some.
FORMATS = ["JPEG", "PNG", "GIF", "WEBP"]
EXTENSIONS = ["jpg", "jpeg", "jfif", "png", "gif", "webp"]
# 300 MB: decoding and shrinking a picture takes 24 bytes per pixel for WebP, at most 12 for the others.
MAX_PIXELS, MAX_WEBP_PIXELS = 25_000_000, 12_500_000
# Each scan of a progressive JPEG is a pass over all pixels. Programs write about ten; 10 MB can hold 200,000.
MAX_SCANS = 50
START_OF_SCAN = b"\xff\xda"
IMAGE_PIXELS = 1600
THUMBNAIL_PIXELS = 480
WAIT_SECONDS = 20.0

# One picture at a time, to bound memory; in one thread, because the C library keeps much of the memory that each
# thread frees.
decoder = ThreadPoolExecutor(1, "pictures")


def resize(upload: UploadedFile) -> tuple[ContentFile, ContentFile]:
    """
    Return the picture and a thumbnail, both upright and as WebP.

    Raises `ValidationError` for a file that is too large or not a picture, and if the queue is too long.
    """
    size = upload.size or 0
    if size > MAX_BYTES:
        text = _("This picture is %(size)s. The limit is %(limit)s. Make it smaller and try again.")
        raise ValidationError(text, params={"size": filesizeformat(size), "limit": filesizeformat(MAX_BYTES)})
    encoded = decoder.submit(encode, upload)
    try:
        return encoded.result(WAIT_SECONDS)
    except ValidationError:
        raise
    except TimeoutError:
        encoded.cancel()
        message = _("The server is processing other pictures. Try again in a minute.")
        raise ValidationError(message, code="busy") from None
    except Image.DecompressionBombError:
        raise too_many_pixels(MAX_PIXELS) from None
    except Exception as error:
        # A crafted file can make Pillow raise nearly anything.
        raise ValidationError(ImageField.default_error_messages["invalid_image"], code="invalid_image") from error


def encode(upload: UploadedFile) -> tuple[ContentFile, ContentFile]:
    image, name = decode(upload), secrets.token_urlsafe(12)
    return webp(image, IMAGE_PIXELS, f"{name}.webp"), webp(image, THUMBNAIL_PIXELS, f"{name}-small.webp")


def decode(upload: UploadedFile) -> Image.Image:
    """Return the picture's first frame, upright, at most twice as large as it will be stored."""
    with Image.open(upload, formats=FORMATS) as image:
        check(image, upload)
        image.draft(None, (IMAGE_PIXELS, IMAGE_PIXELS))
        # Before any conversion: all pixels as RGBA may take several times the memory of the file's own mode.
        image.thumbnail((2 * IMAGE_PIXELS, 2 * IMAGE_PIXELS))
        ImageOps.exif_transpose(image, in_place=True)
        return image.convert("RGBA" if image.has_transparency_data else "RGB")


def check(image: Image.Image, upload: UploadedFile) -> None:
    """Refuse pictures that take too much memory or time to decode: a file of 5 KB can hold 40 megapixels."""
    limit = MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
    if image.width * image.height > limit:
        raise too_many_pixels(limit)
    if image.format in ("JPEG", "MPO"):
        upload.seek(0)
        # The marker does not occur in compressed data.
        if upload.read().count(START_OF_SCAN) > MAX_SCANS:
            raise ValueError(f"more than {MAX_SCANS} scans")


def too_many_pixels(limit: int) -> ValidationError:
    text = _("This picture has more than %(limit)s million pixels. Make it smaller and try again.")
    return ValidationError(text, params={"limit": f"{limit / 1_000_000:g}"})


def webp(image: Image.Image, pixels: int, name: str) -> ContentFile:
    """Shrink the picture and return it as a file."""
    image.thumbnail((pixels, pixels))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return ContentFile(file.getvalue(), name)
