"""A crowd of clients waits for places before Django, or is told when to come back."""

import asyncio

import pytest

from apps.sse.access import crowd
from apps.sse.asgi import hand_off
from apps.sse.stats import metrics

from .followers import until

PAGE = [(b"accept", b"text/html")]
STREAM = [(b"accept", b"text/event-stream")]
OURS = [*STREAM, (b"sse-share-key", b"key")]


class Site:
    """A site with an application that answers when told, and a server whose clients can leave."""

    def __init__(self):
        self.handled = []
        self.gates = {}
        self.left = set()
        self.answers = {}
        self._application = hand_off(self._handle)

    def request(self, name, headers=STREAM):
        connection = Connection(self, name)
        scope = {"type": "http", "name": name, "headers": headers}
        self.gates[name] = asyncio.Event()
        return asyncio.create_task(self._application(scope, connection.receive, connection.send))

    async def _handle(self, scope, receive, send):
        self.handled.append(scope["name"])
        await self.gates[scope["name"]].wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})


class Connection:
    """The server's side of one request."""

    def __init__(self, site, name):
        self.site, self.name, self.transport = site, name, self

    def abort(self):
        raise AssertionError("the request was not answered")

    def is_closing(self):
        return self.name in self.site.left

    async def receive(self):
        await asyncio.Event().wait()

    async def send(self, message):
        self.site.answers.setdefault(self.name, []).append(message)


def run(scenario):
    async def limited():
        async with asyncio.timeout(10):
            await scenario(Site())

    asyncio.run(limited())


@pytest.fixture(autouse=True)
def _two_places(monkeypatch):
    monkeypatch.setattr(crowd, "PLACES", 2)


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(crowd, "MAX_WAIT_SECONDS", crowd.FIRST_SECONDS)


def test_streams_beyond_the_places_wait_in_order_and_pages_do_not_wait():
    async def scenario(site):
        requests = [site.request(number) for number in range(4)]
        page = site.request("page", PAGE)
        await until(lambda: "page" in site.handled)
        assert site.handled == [0, 1, "page"]
        for gate in (1, 0, 2, 3, "page"):
            site.gates[gate].set()
        await asyncio.gather(page, *requests)
        assert site.handled == [0, 1, "page", 2, 3]

    run(scenario)


def test_a_request_whose_client_has_left_or_that_is_cancelled_passes_its_place_on():
    async def scenario(site):
        requests = [site.request(number) for number in range(6)]
        await until(lambda: site.handled == [0, 1])
        site.left.add(2)
        requests[3].cancel()
        site.gates[0].set()
        await until(lambda: site.handled == [0, 1, 4])
        site.gates[1].set()
        await until(lambda: site.handled == [0, 1, 4, 5])
        assert 2 not in site.answers
        for number in (4, 5):
            site.gates[number].set()
        await asyncio.gather(*requests, return_exceptions=True)

    run(scenario)


def test_requests_whose_clients_have_left_and_refusals_do_not_make_a_stream_look_faster_or_slower(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(crowd.time, "monotonic", lambda: now[0])

    async def seconds_for_a_thousand(*, left=0, refused=0):
        waiting = crowd.Crowd()
        waiting._waiting = 10_000
        for _ in range(crowd.SMOOTHING):
            now[0] += 0.005 * (1 + refused * crowd.REFUSAL)
            for _ in range(left):
                waiting.give_up()
            for _ in range(refused):
                assert waiting.retry_after({"headers": OURS})
            waiting.leave()
        now[0] += 10_000
        return [waiting.retry_after({"headers": OURS}) for _ in range(1000)][-1]

    async def scenario(site):
        assert await seconds_for_a_thousand() == pytest.approx(5, abs=1)
        assert await seconds_for_a_thousand(left=3) == pytest.approx(5, abs=1)
        assert await seconds_for_a_thousand(refused=10) == pytest.approx(5, abs=1)

    run(scenario)


def test_a_cancelled_request_that_has_just_got_a_place_passes_it_on():
    async def scenario(_):
        places = crowd.Crowd()
        for _ in range(crowd.PLACES):
            await places.enter()
        first, second = (asyncio.create_task(places.enter()) for _ in range(2))
        await asyncio.sleep(0)
        places.leave()
        first.cancel()
        await second
        assert first.cancelled()

    run(scenario)


def test_a_slow_view_keeps_its_place_for_a_limited_time(monkeypatch):
    monkeypatch.setattr("apps.sse.servers.asgi.PLACE_SECONDS", 0.01)

    async def scenario(site):
        requests = [site.request(number) for number in range(5)]
        await until(lambda: len(site.handled) == 5)
        for gate in site.gates.values():
            gate.set()
        await asyncio.gather(*requests)
        # Each place was given back once.
        monkeypatch.setattr("apps.sse.servers.asgi.PLACE_SECONDS", 10)
        more = [site.request(f"more {number}") for number in range(3)]
        await until(lambda: len(site.handled) == 7)
        await asyncio.sleep(0)
        assert len(site.handled) == 7
        for request in more:
            request.cancel()

    run(scenario)


@pytest.mark.usefixtures("_impatient")
def test_a_client_that_can_come_back_is_told_when_without_django():
    async def scenario(site):
        requests = [site.request(name, OURS) for name in ("first", "second", "waiting")]
        await until(lambda: site.handled == ["first", "second"])
        before = metrics.counts["deferred"]
        for number in range(300):
            await site.request(number, OURS)
        waits = [int(dict(site.answers[n][0]["headers"])[b"retry-after"]) for n in range(300)]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (1, 300 * crowd.FIRST_SECONDS)
        assert {site.answers[n][0]["status"] for n in range(300)} == {503}
        assert site.handled == ["first", "second"]
        assert metrics.counts["deferred"] - before == 300
        for request in requests:
            request.cancel()

    run(scenario)


def test_a_slow_server_defers_clients_after_it_has_opened_a_few_streams(monkeypatch):
    clock = 0.0
    monkeypatch.setattr("time.monotonic", lambda: clock)

    async def scenario():
        nonlocal clock
        places = crowd.Crowd()
        scope = {"headers": OURS}
        waiting = [asyncio.ensure_future(places.enter()) for _ in range(100)]
        await asyncio.sleep(0)
        assert places.retry_after(scope) == 0
        for _ in range(4):
            clock += 0.2
            places.leave()
        assert places.retry_after(scope) == 1
        for request in waiting:
            request.cancel()

    asyncio.run(scenario())


@pytest.mark.usefixtures("_impatient")
def test_a_browsers_own_event_source_waits_because_a_refusal_would_end_it():
    async def scenario(site):
        requests = [site.request(number) for number in range(10)]
        await until(lambda: site.handled == [0, 1])
        for gate in site.gates.values():
            gate.set()
        await asyncio.gather(*requests)
        assert {answers[0]["status"] for answers in site.answers.values()} == {200}

    run(scenario)
