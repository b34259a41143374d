"""ASGI without a framework, a login or a task per client: a lower bound for Python."""

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")],
}

clients = set()


async def application(scope, receive, send):
    """Stream on a GET, publish on a POST."""
    await send(START)
    if scope["method"] == "POST":
        await publish(await receive())
        await send({"type": "http.response.body"})
    else:
        await listen(receive, send)


async def listen(receive, send):
    """Keep a client subscribed until it disconnects."""
    await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
    clients.add(send)
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        clients.discard(send)


async def publish(request):
    """Write one event to all clients."""
    event = b"event: tick\ndata: " + request["body"] + b"\n\n"
    message = {"type": "http.response.body", "body": event, "more_body": True}
    for send in list(clients):
        await send(message)
