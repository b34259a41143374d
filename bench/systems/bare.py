"""ASGI without a framework, a login or a task per client: a lower bound for Python."""

from collections import defaultdict

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")],
}

# The clients of /ticks/ and of /ticks/5/ by "" and "5".
clients = defaultdict(set)


async def application(scope, receive, send):
    """Stream on a GET, publish on a POST."""
    channel = scope["path"].removeprefix("/ticks/").removeprefix("/publish/").strip("/")
    if scope["method"] == "POST":
        await publish(clients[channel], await body_of(receive))
        await send(START)
        await send({"type": "http.response.body"})
    else:
        await send(START)
        await listen(clients[channel], receive, send)


async def listen(listening, receive, send):
    """Keep a client subscribed until it disconnects."""
    await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
    listening.add(send)
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        listening.discard(send)


async def publish(listening, body):
    """Write one event to all clients of a channel."""
    event = b"event: tick\ndata: " + body + b"\n\n"
    message = {"type": "http.response.body", "body": event, "more_body": True}
    for send in list(listening):
        await send(message)


async def body_of(receive):
    """Return the body of a request."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message["body"])
        more = message.get("more_body", False)
    return b"".join(parts)
