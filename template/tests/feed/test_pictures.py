"""Pictures that are crafted to exhaust memory or to break the decoder."""

import io
import json
import subprocess
import sys
import threading
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.feed import images
from apps.feed.forms import PostForm

MIB = 2**20

# Decodes pictures concurrently in a separate process; prints the memory that this took, and the results.
DECODE = """
import django, json, sys, threading
django.setup()
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from apps.feed import images

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

def decode(path):
    try:
        images.resize(SimpleUploadedFile("a", open(path, "rb").read()))
        results.append("accepted")
    except ValidationError as error:
        results.append(error.messages[0])

results, images.WAIT_SECONDS = [], 100
decode(sys.argv[1])
before = peak()
threads = [threading.Thread(target=decode, args=[path]) for path in sys.argv[2:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([peak() - before, *results[1:]]))
"""


def written(kind, mode, size, **options):
    file = io.BytesIO()
    image = Image.new(mode, size)
    if mode == "P":
        image.putpalette([0, 0, 0] * 256)
    image.save(file, kind, **options)
    return file.getvalue()


def decoded_at_once(folder, *pictures):
    """Decode pictures in a separate process; return the bytes by which it grew, and the result of each."""
    for number, data in enumerate([written("PNG", "RGBA", (9, 9)), *pictures]):
        (folder / str(number)).write_bytes(data)
    paths = sorted(folder.iterdir(), key=lambda path: int(path.name))
    process = subprocess.run(
        [sys.executable, "-c", DECODE, *paths], capture_output=True, text=True, check=True, timeout=120
    )
    grown, *results = json.loads(process.stdout)
    print(f"{grown / MIB:.0f} MiB")
    return grown, results


def test_a_small_file_with_forty_megapixels_is_refused_before_they_are_decoded(tmp_path):
    data = written("PNG", "P", (6300, 6300), transparency=0)
    assert len(data) < 50_000
    grown, results = decoded_at_once(tmp_path, *[data] * 4)
    assert results == ["This picture has more than 25 million pixels. Make it smaller and try again."] * 4
    assert grown < 10 * MIB


def test_two_of_the_largest_pictures_at_once_need_bounded_memory(tmp_path):
    png = written("PNG", "RGBA", (5000, 5000), compress_level=1)
    webp = written("WEBP", "RGBA", (3500, 3500), lossless=True, method=0)
    grown, results = decoded_at_once(tmp_path, png, webp)
    assert results == ["accepted"] * 2
    assert grown < 1.25 * 12 * images.MAX_PIXELS


def test_a_picture_that_waits_too_long_is_refused_with_a_message(monkeypatch):
    monkeypatch.setattr(images, "WAIT_SECONDS", 0.01)
    file = SimpleUploadedFile("a.png", written("PNG", "RGB", (9, 9)))
    other = threading.Event()
    images.decoder.submit(other.wait, 10)
    assert "processing" in PostForm(files={"image": file}).errors["image"][0]
    other.set()


def chunk(kind, data):
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def with_chunk(kind, data, before):
    """Return a PNG with an additional chunk before the first chunk of the type `before`."""
    png = written("PNG", "RGB", (9, 9))
    place = png.index(before) - 4
    return png[:place] + chunk(kind, data) + png[place:]


def with_scans(count):
    """Return a progressive JPEG of 25 megapixels with its last scan repeated: 40 bytes and 50 ms of CPU each."""
    jpeg = written("JPEG", "L", (5000, 5000), progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * count + jpeg[-2:]


BOMB = b"Comment\0\0" + zlib.compress(bytes(5 * MIB))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"zTXt", BOMB, b"IDAT"),
        with_chunk(b"zTXt", BOMB, b"IEND"),
        written("JPEG", "RGB", (900, 900))[:900],
        with_scans(1000),
        EPS,
        written("BMP", "RGB", (9, 9)),
    ],
    ids=["zTXt bomb", "zTXt bomb behind the pixels", "JPEG cut off", "JPEG of 1000 scans", "EPS", "BMP"],
)
def test_a_file_that_cannot_be_decoded_is_refused_with_a_message(data):
    form = PostForm({"text": "look"}, {"image": SimpleUploadedFile("a.png", data)})
    [message] = form.errors["image"]
    assert "either not an image or a corrupted" in message


@pytest.mark.parametrize(
    ("mode", "color", "options"),
    [("RGBA", (0, 128, 128, 0), {}), ("LA", (128, 0), {}), ("P", 0, {"transparency": 0})],
)
def test_transparent_pictures_stay_transparent(mode, color, options):
    file = io.BytesIO()
    Image.new(mode, (90, 60), color).save(file, "PNG", **options)
    for stored in images.resize(SimpleUploadedFile("a.png", file.getvalue())):
        with Image.open(stored) as image:
            assert image.convert("RGBA").getpixel((30, 30))[3] == 0


def test_a_phone_picture_with_a_second_image_in_its_file_is_accepted():
    file = io.BytesIO()
    Image.new("RGB", (60, 30)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (60, 30))])
    with Image.open(images.resize(SimpleUploadedFile("a.jpg", file.getvalue()))[0]) as image:
        assert image.size == (60, 30)


def test_a_file_above_the_size_limit_is_not_opened():
    upload = SimpleUploadedFile("a.png", b"")
    upload.size = images.MAX_BYTES + 1
    with pytest.raises(ValidationError, match="The limit is"):
        images.resize(upload)
