"""Pictures of people: decoded in bounded memory, and encoded again without their metadata."""

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
# 300 MB: decoding and shrinking a picture takes up to 24 bytes per pixel.
MAX_PIXELS = 12_500_000
# Each scan of a progressive JPEG is a pass over all pixels.
MAX_SCANS = 50
START_OF_SCAN = b"\xff\xda"
SIDE_PIXELS = 160
WAIT_SECONDS = 20.0

# One picture at a time, to bound memory.
decoder = ThreadPoolExecutor(1, "people")


def shrink(upload: UploadedFile) -> ContentFile:
    """
    Return the middle of the picture as a small square WebP.

    Raises `ValidationError` for a file that is too large or not a picture, and if the queue is too long.
    """
    if (upload.size or 0) > MAX_BYTES:
        limit = {"limit": filesizeformat(MAX_BYTES)}
        raise ValidationError(
            _("The limit of a picture is %(limit)s. Make it smaller and try again."), params=limit
        )
    encoded = decoder.submit(encode, upload)
    try:
        return encoded.result(WAIT_SECONDS)
    except ValidationError:
        raise
    except TimeoutError:
        encoded.cancel()
        raise ValidationError(_("The server is processing other pictures. Try again in a minute.")) from None
    except Exception as error:
        # A crafted file can make Pillow raise nearly anything.
        raise ValidationError(ImageField.default_error_messages["invalid_image"], code="invalid_image") from error


def encode(upload: UploadedFile) -> ContentFile:
    with Image.open(upload, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            limit = {"limit": f"{MAX_PIXELS / 1_000_000:g}"}
            raise ValidationError(_("A picture may have %(limit)s million pixels. Make it smaller."), params=limit)
        upload.seek(0)
        if image.format in ("JPEG", "MPO") and upload.read().count(START_OF_SCAN) > MAX_SCANS:
            raise ValueError(f"more than {MAX_SCANS} scans")
        image.draft(None, (2 * SIDE_PIXELS, 2 * SIDE_PIXELS))
        ImageOps.exif_transpose(image, in_place=True)
        # Before any conversion: all pixels as RGBA may take several times the memory of the file's own mode.
        square = ImageOps.fit(image, (SIDE_PIXELS, SIDE_PIXELS))
        file = io.BytesIO()
        square.convert("RGBA" if square.has_transparency_data else "RGB").save(file, "WEBP", quality=80)
    return ContentFile(file.getvalue(), f"{secrets.token_urlsafe(12)}.webp")
