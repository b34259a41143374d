"""Pictures that are made to take a server's memory, or to break what decodes them."""

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

# Decodes the given pictures, all at once, in a process of its own; prints how much memory that took.
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
        images.sizes(SimpleUploadedFile("a", open(path, "rb").read()))
        answers.append("taken")
    except ValidationError as error:
        answers.append(error.messages[0])

answers, images.WAIT_SECONDS = [], 100
decode(sys.argv[1])
before = peak()
threads = [threading.Thread(target=decode, args=[path]) for path in sys.argv[2:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([peak() - before, *answers[1:]]))
"""


def written(kind, mode, size, **options):
    file = io.BytesIO()
    image = Image.new(mode, size)
    if mode == "P":
        image.putpalette([0, 0, 0] * 256)
    image.save(file, kind, **options)
    return file.getvalue()


def decoded_at_once(folder, *pictures):
    """Return the bytes by which a process grew that decoded these pictures, and the answer to each."""
    for number, data in enumerate([written("PNG", "RGBA", (9, 9)), *pictures]):
        (folder / str(number)).write_bytes(data)
    paths = sorted(folder.iterdir(), key=lambda path: int(path.name))
    answer = subprocess.run(
        [sys.executable, "-c", DECODE, *paths], capture_output=True, text=True, check=True, timeout=120
    )
    grown, *said = json.loads(answer.stdout)
    print(f"{grown / MIB:.0f} MiB")
    return grown, said


def test_a_small_file_with_forty_megapixels_is_refused_before_they_are_decoded(tmp_path):
    data = written("PNG", "P", (6300, 6300), transparency=0)
    assert len(data) < 50_000
    grown, said = decoded_at_once(tmp_path, *[data] * 4)
    assert said == ["This image has more than 25 million pixels. Make it smaller and try again."] * 4
    assert grown < 10 * MIB


def test_the_largest_pictures_that_are_taken_need_bounded_memory_even_four_at_once(tmp_path):
    png = written("PNG", "RGBA", (5000, 5000), compress_level=1)
    webp = written("WEBP", "RGBA", (3500, 3500), lossless=True, method=0)
    grown, said = decoded_at_once(tmp_path, png, png, png, webp)
    assert said == ["taken"] * 4
    assert grown < 1.25 * 12 * images.MAX_PIXELS


def test_a_picture_whose_turn_does_not_come_is_a_message_beside_the_field(monkeypatch):
    monkeypatch.setattr(images, "WAIT_SECONDS", 0.01)
    file = SimpleUploadedFile("a.png", written("PNG", "RGB", (9, 9)))
    other = threading.Event()
    images.decoder.submit(other.wait, 10)
    assert "processing" in PostForm(files={"image": file}).errors["image"][0]
    other.set()


def chunk(kind, data):
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def with_chunk(kind, data, before):
    """Return a PNG with one more chunk, in front of the first one of another kind."""
    png = written("PNG", "RGB", (9, 9))
    place = png.index(before) - 4
    return png[:place] + chunk(kind, data) + png[place:]


def with_scans(count):
    """Return a progressive JPEG of 25 megapixels, with its last scan again and again: 40 bytes, 50 ms of CPU each."""
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
def test_what_cannot_be_decoded_is_a_message_beside_the_field(data):
    form = PostForm({"text": "look"}, {"image": SimpleUploadedFile("a.png", data)})
    [message] = form.errors["image"]
    assert "either not an image or a corrupted" in message


@pytest.mark.parametrize(
    ("mode", "color", "options"),
    [("RGBA", (0, 128, 128, 0), {}), ("LA", (128, 0), {}), ("P", 0, {"transparency": 0})],
)
def test_what_is_transparent_stays_so(mode, color, options):
    file = io.BytesIO()
    Image.new(mode, (90, 60), color).save(file, "PNG", **options)
    for stored in images.sizes(SimpleUploadedFile("a.png", file.getvalue())):
        with Image.open(stored) as image:
            assert image.convert("RGBA").getpixel((30, 30))[3] == 0


def test_a_picture_of_a_phone_that_has_a_second_one_in_its_file_is_taken():
    file = io.BytesIO()
    Image.new("RGB", (60, 30)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (60, 30))])
    with Image.open(images.sizes(SimpleUploadedFile("a.jpg", file.getvalue()))[0]) as image:
        assert image.size == (60, 30)


def test_a_file_of_too_many_bytes_is_not_opened():
    upload = SimpleUploadedFile("a.png", b"")
    upload.size = images.MAX_BYTES + 1
    with pytest.raises(ValidationError, match="The limit is"):
        images.sizes(upload)
