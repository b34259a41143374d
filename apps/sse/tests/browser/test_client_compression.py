"""The client reads a compressed stream event by event, and reconnects after its end."""

import pytest
from playwright.sync_api import expect

from apps.sse.delivery.followers import message_of
from apps.sse.tests.browser.client_helpers import ITEMS, NUMBERS, QUICK_RETRY, item, position
from apps.sse.wire.compression import gzip_send


def compressed(stream):
    """Return a function that sends text as compressed data of a stream."""
    send = gzip_send(lambda message: stream.send(message["body"]))
    return lambda text, **options: send(message_of(text.encode(), **options))


def test_each_event_of_a_compressed_stream_is_shown_when_it_arrives(page, server, open_page):
    open_page(ITEMS)
    send = compressed(server.accept().stream("", Content_Encoding="gzip"))
    shown = ""
    send(QUICK_RETRY)
    for number in range(1, 40):
        send(item(number))
        shown += f"{number};"
        expect(page.locator(NUMBERS)).to_have_text(shown)


@pytest.mark.parametrize("end", ["complete", "cut"])
def test_the_client_reconnects_after_a_compressed_stream_that_ends_or_is_cut(page, server, open_page, end):
    open_page(ITEMS)
    stream = server.accept().stream("", Content_Encoding="gzip")
    send = compressed(stream)
    send(QUICK_RETRY + item(1))
    expect(page.locator(NUMBERS)).to_have_text("1;")
    if end == "cut":
        stream.cut()
    else:
        send("", more_body=False)
        stream.end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(1)
    compressed(again.stream("", Content_Encoding="gzip"))(item(2))
    expect(page.locator(NUMBERS)).to_have_text("1;2;")
