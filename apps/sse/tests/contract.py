"""The contract tests that every broker must pass."""

import asyncio
import contextlib
import threading
import time
from itertools import pairwise

import pytest
from django.db import connections, transaction

from apps.sse.brokers import Broker, Gap
from apps.sse.conf import setting
from apps.sse.wire.events import Event, Position

TIMEOUT_SECONDS = 10


class Listening:
    """
    A broker's `listen`, running on a loop in another thread; each call of `wake` sets `woken`.

    `newest` has the events of each call.
    """

    def __init__(self, broker: Broker) -> None:
        self.woken = threading.Event()
        self.newest: list[tuple[Event, ...]] = []
        self.failure: BaseException | None = None
        self._broker = broker
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Listening":
        self._thread.start()
        assert self.woken.wait(TIMEOUT_SECONDS), "listen() did not call wake() after it started listening"
        self.woken.clear()
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(TIMEOUT_SECONDS)

    def _wake(self, *newest: Event) -> None:
        self.newest.append(newest)
        self.woken.set()

    def _run(self) -> None:
        self._task = self._loop.create_task(self._broker.listen(self._wake))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.failure = error
        finally:
            self._loop.close()


class BrokerContract:
    """
    The tests that every broker must pass.

    Inherit from it in a class `Test…` that has a fixture `broker` with an empty log. The tests
    use the default database with transactions that commit.
    """

    pytestmark = pytest.mark.django_db(transaction=True)
    # Whether a manual `transaction.savepoint_rollback()` discards the events since.
    knows_savepoints = True

    @staticmethod
    def event(channel: str = "news", text: str = "hello", **fields) -> Event:
        """Return a new event."""
        return Event(channel=channel, name="item", text=text, **fields)

    def texts(self, broker: Broker, start: Position, **options) -> list[str]:
        """Return the texts of the events after a position."""
        return [event.text for event in broker.read(start, 100, **options)]

    def test_an_empty_log_has_a_position(self, broker):
        [mark] = broker.tail(10)
        assert (mark.channel, broker.read(mark.position, 10)) == ("", [])
        assert broker.tail(1)[0].position == mark.position

    def test_events_are_read_in_order_and_as_they_were_published(self, broker):
        start = broker.tail(1)[-1].position
        sent = [self.event(text=f"{n} ♥\n {n}", channel=f"c{n % 2}", durable=n != 2) for n in range(5)]
        for event in sent:
            broker.append(event)
        read = broker.read(start, 100)

        def fields(events):
            return [(e.channel, e.name, e.text, e.tag, e.durable) for e in events]

        assert fields(read) == fields(sent)
        assert [e.number for e in read] == sorted({e.number for e in read})
        assert all(e.number > start.number for e in read)
        assert read[0].sent_at == pytest.approx(sent[0].sent_at, abs=0.01)

    def test_a_read_continues_after_the_last_position(self, broker):
        start = broker.tail(1)[-1].position
        for n in range(7):
            broker.append(self.event(text=str(n)))
        first = broker.read(start, 3)
        second = broker.read(first[-1].position, 3)
        assert [e.text for e in first + second] == list("012345")
        assert self.texts(broker, second[-1].position) == ["6"]

    def test_a_read_can_be_limited_to_some_channels(self, broker):
        start = broker.tail(1)[-1].position
        for n in range(6):
            broker.append(self.event(text=str(n), channel="abc"[n % 3]))
        assert self.texts(broker, start, channels=["a", "c", "unknown"]) == list("0235")
        assert self.texts(broker, start, channels=[]) == []

    def test_the_tail_ends_with_the_newest_event(self, broker):
        for n in range(5):
            broker.append(self.event(text=str(n)))
        assert [e.text for e in broker.tail(3)] == list("234")
        assert [e.text for e in broker.tail(0)] == ["4"]

    def test_the_latest_event_of_a_channel_is_its_newest_durable_one(self, broker):
        for n in range(6):
            broker.append(self.event(text=str(n), channel="ab"[n % 2], durable=n < 4))
        assert [e.text for e in broker.latest(["b", "a", "unknown"])] == ["2", "3"]
        assert broker.latest([]) == []

    def test_a_position_that_is_not_in_the_log_is_a_gap(self, broker):
        broker.append(self.event())
        newest = broker.tail(1)[-1].position
        for foreign in (
            Position(newest.number, "00000000"),
            Position(newest.number + 1, newest.tag),
            Position(0, "00000000"),
            Position(10**18 - 1, newest.tag),
        ):
            with pytest.raises(Gap):
                broker.read(foreign, 10)
            with pytest.raises(Gap):
                broker.read(foreign, 10, channels=["news"])

    def test_positions_that_are_not_in_the_log_are_found_among_others(self, broker):
        known = [broker.tail(1)[0].position]
        for _ in range(3):
            broker.append(self.event())
            known += [broker.tail(1)[0].position]
        newest = known[-1]
        numbers = (0, known[1].number, newest.number + 1, 10**18 - 1)
        foreign = {Position(newest.number, "00000000"), *(Position(number, newest.tag) for number in numbers)}
        assert broker.missing([*known, *foreign]) == foreign
        assert broker.missing(known) == broker.missing([]) == set()

    def test_a_read_of_thousands_of_channels_continues_page_by_page(self, broker):
        start = broker.tail(1)[-1].position
        channels = [f"c{n}" for n in range(40)]
        for n in range(80):
            broker.append(self.event(channel=channels[n % 40], text=str(n)))
        wanted, found = [*channels[:30], *(f"nobody{n}" for n in range(10_000))], []
        while page := broker.read(start, 7, channels=wanted):
            found += [event.text for event in page]
            start = page[-1].position
        assert found == [str(n) for n in range(80) if n % 40 < 30]

    def test_a_commit_publishes_and_a_rollback_does_not(self, broker):
        start = broker.tail(1)[-1].position
        with transaction.atomic():
            broker.append(self.event(text="committed"))
            with contextlib.suppress(ZeroDivisionError), transaction.atomic():
                broker.append(self.event(text="rolled back to a savepoint"))
                raise ZeroDivisionError
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            broker.append(self.event(text="rolled back"))
            raise ZeroDivisionError
        assert self.texts(broker, start) == ["committed"]

    def test_a_manual_rollback_to_a_savepoint_discards_events_that_are_in_the_database(self, broker):
        start = broker.tail(1)[-1].position
        with transaction.atomic():
            broker.append(self.event(text="1"))
            savepoint = transaction.savepoint_create()
            broker.append(self.event(text="since"))
            transaction.savepoint_rollback(savepoint)
            broker.append(self.event(text="2"))
        assert self.texts(broker, start) == (["1", "2"] if self.knows_savepoints else ["1", "since", "2"])

    def test_events_are_invisible_before_the_commit(self, broker):
        start = broker.tail(1)[-1].position
        seen = []
        with transaction.atomic():
            broker.append(self.event())

            def read():
                seen.extend(self.texts(broker, start))
                connections.close_all()

            reader = threading.Thread(target=read)
            reader.start()
            reader.join()
        assert (seen, self.texts(broker, start)) == ([], ["hello"])

    def test_events_of_many_threads_are_logged_once_and_in_the_order_of_each_thread(self, broker):
        start = broker.tail(1)[-1].position

        def send(thread):
            for n in range(10):
                broker.append(self.event(channel=f"t{thread}", text=str(n)))
            connections.close_all()

        threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for n in range(4):
            assert self.texts(broker, start, channels=[f"t{n}"]) == [str(n) for n in range(10)]

    def test_a_commit_wakes_a_listener(self, broker):
        with Listening(broker) as listening:
            with transaction.atomic():
                broker.append(self.event())
            assert listening.woken.wait(TIMEOUT_SECONDS)
            listening.woken.clear()
            broker.append(self.event())
            assert listening.woken.wait(TIMEOUT_SECONDS)
        assert listening.failure is None

    def test_a_listener_gets_a_new_event_with_the_one_before_it(self, broker):
        broker.tail(1)
        with Listening(broker) as listening:
            for n in range(3):
                time.sleep(0.1)
                listening.woken.clear()
                broker.append(self.event(text=f"{n} ♥\r\n", channel="c♥"))
                assert listening.woken.wait(TIMEOUT_SECONDS)
        log = broker.tail(10)
        following = {before.position: event for before, event in pairwise(log)}
        given = [events for events in listening.newest if len(events) > 1]
        assert [following[before.position] for before, _ in given] == [event for _, event in given]
        # A log in memory can be read at no cost.
        assert {event for _, event in given} == {*log[1:]} if broker.is_blocking else not given

    def test_trimming_keeps_the_maximum_count_and_never_drops_the_newest_event(self, broker, settings):
        settings.SSE_RETENTION_COUNT = 3
        positions = []
        for n in range(8):
            broker.append(self.event(text=str(n)))
            positions.append(broker.tail(1)[-1].position)
        broker.trim()
        assert [e.text for e in broker.tail(100)] == ["5", "6", "7"]
        with pytest.raises(Gap):
            broker.read(positions[3], 10)

    def test_trimming_drops_old_events_and_never_the_newest(self, broker, settings):
        for n in range(3):
            broker.append(self.event(text=str(n)))
        broker.trim()
        time.sleep(1.1)
        settings.SSE_RETENTION_AGE = 1
        broker.append(self.event(text="young", sent_at=1.0))
        broker.append(self.event(text="younger"))
        broker.trim()
        assert [e.text for e in broker.tail(100)] == ["young", "younger"]
        settings.SSE_RETENTION_AGE = -10
        broker.trim()
        assert [e.text for e in broker.tail(100)] == ["younger"]

    @pytest.mark.parametrize("wrong_by", [2 * 86400, -2 * 86400])
    def test_a_wrong_clock_of_a_publisher_does_not_trim_events(self, broker, monkeypatch, wrong_by):
        broker.append(self.event(text="older"))
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + wrong_by)
        for n in range(300):
            broker.append(self.event(text=str(n), sent_at=time.time()))
        monkeypatch.undo()
        broker.trim()
        assert [e.text for e in broker.tail(1000) if e.channel] == ["older", *map(str, range(300))]

    def test_trimming_keeps_the_maximum_bytes_and_never_drops_the_newest_event(self, broker, settings):
        settings.SSE_RETENTION_BYTES = 100_000
        for n in range(250):
            broker.append(self.event(text=f"{n:04}" + 996 * "\u20ac"))
        broker.trim()
        texts = [e.text for e in broker.tail(1000)]
        assert texts[-1].startswith("0249")
        # A log may be trimmed in steps of a hundred events.
        assert 100_000 / 3500 < len(texts) < 100_000 / 3000 + 100
        settings.SSE_RETENTION_BYTES = 0
        broker.append(self.event(text="newest"))
        broker.trim()
        assert [e.text for e in broker.tail(1000)] == ["newest"]

    def test_appending_events_trims_the_log(self, broker, settings):
        settings.SSE_RETENTION_COUNT = 20
        for n in range(400):
            broker.append(self.event(text=str(n)))
        assert len(broker.tail(1000)) < 20 + 260
        assert setting("SSE_RETENTION_COUNT") == 20
