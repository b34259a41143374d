"""A process that stops waits for its streams, up to the last byte that a server has to write."""

from apps.sse import connections, endings, wsgi
from apps.sse.connection import Connection
from apps.sse.connections import Client


class Finished:
    """A source that is finished at once."""

    async def play(self, connection):
        pass


def test_under_wsgi_a_stream_that_is_over_is_waited_for_until_the_server_has_written_its_end():
    body = wsgi.Body(Connection(Finished(), opening="retry: 1\n\n", retry_ms=1, keepalive=15, client=Client()))
    assert list(body) == [b"retry: 1\n\n"]
    assert connections.open_streams() == 0
    assert body in endings.unclosed
    body.close()
    assert body not in endings.unclosed
