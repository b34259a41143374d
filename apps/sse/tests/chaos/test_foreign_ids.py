"""Any last id is answered with a stream, and an unknown one with one reset."""

import asyncio
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.sse.tests.chaos.clients import Client, frames

VISIBLE = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
TAGS = st.text("0123456789abcdef", min_size=7, max_size=9)
NUMBERS = st.integers(-(10**3), 10**25)
NEAR = st.builds("{}-{}".format, st.integers(0, 60) | NUMBERS, TAGS)
FOREIGN = st.text(VISIBLE, min_size=1, max_size=300).map(str.strip) | NEAR | NUMBERS.map(str)


@pytest.fixture
def site(sqlite):
    with sqlite.serving() as server:
        yield server


async def opening(url, last_id, path):
    """Return the number of resets before the first position, and that position."""
    client = Client(url, ["news"], path=path, last_id=last_id)
    try:
        async with asyncio.timeout(30):
            stream = await client.connect()
            assert client.answers == {200: 1}
            client.last_id = ""
            async for frame in frames(stream):
                client.take(frame)
                if client.last_id or (path == "/newest/" and client.resets):
                    return client.resets, client.last_id
    finally:
        client.cut()
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("path", ["/channels/", "/newest/"])
def test_a_foreign_id_is_answered_with_one_reset_and_a_position(site, path):
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(last_id=FOREIGN.filter(lambda text: text and text != "sse:end"))
    def tried(last_id):
        resets, position = asyncio.run(opening(site.url, last_id, path))
        assert resets == 1
        assert path == "/newest/" or re.fullmatch(r"[0-9]+-[0-9a-f]{8}", position)

    tried()
    assert "Internal Server Error" not in site.output()
