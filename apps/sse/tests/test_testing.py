"""The test kit: `StreamClient` and its streams."""

import asyncio
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection
from django.test import AsyncClient, Client, TestCase, TransactionTestCase, override_settings
from django.urls import path

from apps.sse import Position, SSEView, aposition, apublish, position, publish, shared
from apps.sse.access import revocation
from apps.sse.access.access_check import AccessCheck
from apps.sse.delivery.hub import Hub
from apps.sse.stream import registry
from apps.sse.testing import Refused, StreamClient

from .followers import until
from .streams import MIDDLEWARE, make_user

User = get_user_model()


class News(SSEView):
    channels = ["news"]


class Names(SSEView):
    """Sends the users' names from the database."""

    async def stream(self, request):
        async for name in User.objects.values_list("username", flat=True):
            yield self.event("name", name)


class Private(SSEView):
    channels = ["private"]

    async def mount(self, request, last_event_id):
        if not request.user.is_authenticated:
            raise PermissionDenied

    def get_channels(self, request):
        return [f"of.{request.user.get_username()}"]


class Broken(SSEView):
    async def mount(self, request, last_event_id):
        raise ZeroDivisionError


class Listening(SSEView):
    event_id = Position
    ended = []

    async def stream(self, request):
        try:
            async with self.subscribe("news") as events:
                async for event in events:
                    yield event
        finally:
            await asyncio.sleep(0)
            self.ended.append("finally")


@shared
async def counts():
    while True:
        yield await User.objects.acount()
        await asyncio.sleep(0.01)


class Counts(SSEView):
    async def stream(self, request):
        async for count in counts():
            yield self.event("count", count)


urlpatterns = [
    path(f"{view.__name__.lower()}/", view.as_view()) for view in (News, Names, Counts, Private, Broken, Listening)
]

settings_of_this_file = override_settings(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=MIDDLEWARE,
    SSE_BROKER_URL="memory://",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)


@settings_of_this_file
class InATestCase(TestCase):
    """A test in a transaction that is never committed."""

    def test_a_stream_receives_what_is_published_on_commit(self):
        with StreamClient(self.client).open("/news/") as stream:
            with self.captureOnCommitCallbacks(execute=True):
                publish("news", "post", {"title": "Hello"})
            event = stream.assert_event("post", {"title": "Hello"})
            assert event.id == stream.last_event_id == str(position())
            stream.assert_no_event()

    def test_a_stream_reads_uncommitted_rows_of_the_test(self):
        make_user("ada")
        with StreamClient().open("/names/") as stream:
            assert [event.data for event in stream.rest()] == ["ada", {}]

    def test_a_shared_producer_reads_uncommitted_rows_and_ends_with_its_last_viewer(self):
        make_user("ada")
        with StreamClient().open("/counts/") as one, StreamClient().open("/counts/") as other:
            one.assert_event("count", 1, id="1")
            other.assert_event("count", 1, id="1")
            make_user("bob")
            while one.next().data != 2:
                pass

    def test_a_stream_has_the_user_of_the_client_or_of_open(self):
        self.client.force_login(make_user("ada"))
        streams = StreamClient(self.client)
        with streams.open("/private/") as hers, streams.open("/private/", user=make_user("bob")) as his:
            with self.captureOnCommitCallbacks(execute=True):
                publish("of.bob", "letter", "for bob")
            his.assert_event("letter", "for bob")
            hers.assert_no_event()

    def test_the_access_check_ignores_streams_of_tests_since_it_cannot_read_their_users(self):
        ada, streams, check = make_user("ada"), StreamClient(), AccessCheck()
        with (
            mock.patch.object(check, "_opened", mock.MagicMock()) as opened,
            mock.patch.object(revocation, "checker", check),
            streams.open("/private/", user=ada) as stream,
        ):
            stream.assert_no_event()
            opened.append.assert_not_called()

    def test_a_missing_commit_is_named_in_the_error(self):
        with StreamClient().open("/news/") as stream:
            publish("news", "post", "never committed")
            with pytest.raises(
                AssertionError, match=r"arrived within 0.1 s. .* sent no events.\n.*captureOnCommitCallbacks"
            ):
                stream.next(timeout=0.1)

    def test_a_broker_that_delivers_nothing_in_a_transaction_is_refused(self):
        with self.settings(SSE_BROKER_URL="database://"), pytest.raises(ImproperlyConfigured, match="'memory://'"):
            StreamClient().open("/news/").__enter__()

    async def test_an_async_test_receives_and_reads_the_same(self):
        client = AsyncClient()
        await client.aforce_login(await sync_to_async(make_user)("ada"))
        async with StreamClient().open("/names/") as stream:
            assert [event.data for event in await stream.rest()] == ["ada", {}]
        async with StreamClient(client).open("/private/") as stream:
            await sync_to_async(self.publish_and_commit)("of.ada", "letter", "for ada")
            await stream.assert_event("letter", "for ada")

    def publish_and_commit(self, *event):
        with self.captureOnCommitCallbacks(execute=True):
            publish(*event)


@settings_of_this_file
class InATransactionTestCase(TransactionTestCase):
    def test_a_stream_receives_what_is_published(self):
        with StreamClient().open("/news/") as stream:
            publish("news", "post", 1)
            stream.assert_event("post", 1)
            assert (stream.status, stream.headers["x-accel-buffering"]) == (200, "no")
            assert registry.open_streams() == 1
        assert registry.open_streams() == 0

    def test_the_position_at_the_opening_is_not_an_event(self):
        for name in ("news", "listening"):
            with StreamClient().open(f"/{name}/") as stream:
                assert (stream.events, stream.last_event_id) == ([], str(position()))
                stream.assert_no_event()

    def test_a_client_that_reconnects_receives_what_it_missed(self):
        since = position()
        publish("news", "post", 1)
        with StreamClient().open("/news/", last_event_id=since) as stream:
            stream.assert_event("post", 1)
            seen = stream.last_event_id
        publish("news", "post", 2)
        with StreamClient().open("/news/", last_event_id=seen) as stream:
            stream.assert_event("post", 2)

    def test_the_end_of_the_block_ends_the_stream_and_runs_its_finally(self):
        del Listening.ended[:]
        with StreamClient().open("/listening/") as stream:
            publish("news", "post", 1)
            stream.assert_event("post", 1)
        assert Listening.ended == ["finally"]

    async def test_an_async_test_opens_two_streams_at_once(self):
        async with StreamClient().open("/news/") as one, StreamClient().open("/news/") as other:
            await sync_to_async(publish)("news", "post", 1)
            await one.assert_event("post", 1)
            await other.assert_event("post", 1, id=one.last_event_id)


@pytest.fixture
def site():
    with settings_of_this_file:
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("site")
class TestWithPytest:
    def test_a_stream_receives_what_is_published_on_commit(self, client, django_capture_on_commit_callbacks):
        with StreamClient(client).open("/news/") as stream:
            with django_capture_on_commit_callbacks(execute=True):
                publish("news", "post", 1)
            stream.assert_event("post", 1)

    def test_open_returns_when_the_stream_receives_its_channels(
        self, monkeypatch, django_capture_on_commit_callbacks
    ):
        start = Hub.start

        async def start_slowly(self):
            await asyncio.sleep(0.1)
            await start(self)

        monkeypatch.setattr(Hub, "start", start_slowly)
        with StreamClient().open("/news/") as stream:
            with django_capture_on_commit_callbacks(execute=True):
                publish("news", "post", 1)
            stream.assert_event("post", 1)

    def test_a_response_that_is_not_a_stream_raises_refused(self):
        with pytest.raises(
            Refused, match=r"^The response is not a stream: /private/ returned 403 Forbidden "
        ) as refused:
            StreamClient().open("/private/").__enter__()
        assert refused.value.status == 403
        with pytest.raises(Refused, match="404 Not Found"), StreamClient().open("/nowhere/"):
            pass

    def test_the_exception_of_a_view_is_the_cause_of_refused(self):
        with pytest.raises(Refused, match="500 Internal") as refused, StreamClient().open("/broken/"):
            pass
        assert isinstance(refused.value.__cause__, ZeroDivisionError)

    def test_a_failed_assertion_shows_the_received_events(self):
        make_user("ada")
        with StreamClient(Client()).open("/names/") as stream:
            with pytest.raises(AssertionError, match=r"Expected name, 'bob', received name 'ada' \(id 1\)"):
                stream.assert_event("name", "bob")
            with pytest.raises(AssertionError, match="Expected no event, received sse:end"):
                stream.assert_no_event(within=5)
            stream.assert_event("sse:end")
            with pytest.raises(
                AssertionError, match=r"(?s)The stream has ended. .* sent 2 events:\n  name 'ada' \(id 1\)\n"
            ):
                stream.next()

    def test_rest_fails_if_the_stream_does_not_end(self):
        with StreamClient().open("/news/") as stream, pytest.raises(AssertionError, match="stream is still open"):
            stream.rest(timeout=0.1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("site")
async def test_a_test_function_on_an_event_loop_receives_and_reads_the_same():
    await sync_to_async(make_user)("ada")
    async with StreamClient().open("/names/") as names, StreamClient().open("/news/") as news:
        assert [event.data for event in await names.rest()] == ["ada", {}]
        await apublish("news", "post", 1)
        await news.assert_event("post", 1)
        await apublish("news", "post", 2)
        await until(lambda: len(news.events) == 2)
        assert news.last_event_id == str(await aposition())


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE)
def test_a_stream_opens_in_a_test_without_database_after_one_that_has_left_its_connection_open(django_db_blocker):
    with django_db_blocker.unblock():
        connection.ensure_connection()
    with StreamClient().open("/news/") as stream:
        stream.assert_no_event()
