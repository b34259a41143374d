"""Mistakes in a stream are reported to the developer, with what to change."""

import pytest

from apps.sse import SSEView

from .streams import WAYS, fetch

pytestmark = pytest.mark.parametrize("way", WAYS)


def test_the_error_of_a_view_without_a_stream_says_what_to_write(way, caplog):
    class Forgotten(SSEView):
        pass

    assert fetch(way, Forgotten.as_view()).status == 500
    assert "Forgotten has neither channels nor a stream(). Set `channels`" in caplog.text


async def returns(self, request):
    return self.event("number", 1)


def yields(self, request):
    yield self.event("number", 1)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (returns, "coroutine"),
        (yields, "generator"),
        (lambda self, request: None, "None"),
        (lambda self, r: [], "[]"),
    ],
)
def test_the_error_of_a_stream_that_is_no_async_generator_says_what_it_must_be(
    way, stream, found, caplog, recwarn
):
    view = type("Odd", (SSEView,), {"stream": stream})
    assert fetch(way, view.as_view()).status == 500
    assert "Odd must stream from an async generator (`async def` with `yield`), not from" in caplog.text
    assert found in caplog.text
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


@pytest.mark.parametrize("frame", [None, {"a": 1}, b"data: 1\n\n", 1])
def test_a_stream_that_yields_no_string_is_logged_and_sends_an_error(way, frame, caplog):
    class Odd(SSEView):
        async def stream(self, request):
            yield self.event("number", 1)
            yield frame

    assert fetch(way, Odd.as_view()).names == ["number", "sse:error"]
    assert (
        f"stream() yielded {frame!r}. Yield a string, such as self.event(name, data), or an Event." in caplog.text
    )


@pytest.mark.parametrize(
    "name",
    ["sse:end", "sse:", "connected", "disconnected", "reconnecting", "reconnected", "error", "*", "", "a\nb"],
)
def test_a_stream_that_uses_a_reserved_name_is_logged_and_sends_an_error(way, name, caplog):
    class Odd(SSEView):
        async def stream(self, request):
            yield self.event(name, 1)

    assert fetch(way, Odd.as_view()).names == ["sse:error"]
    assert "ValueError" in caplog.text
