"""Asking all processes: this one asks, and the test answers for others."""

import threading
import time

import pytest
from django.db import transaction
from django.tasks.signals import task_started

from apps.sse import census
from apps.sse.census import Process
from apps.sse.publishing import publish_control
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = Process("2222bbbb", 42, "right")
# Long enough that a test which waits for all of it is seen to.
LONG = 30.0


@pytest.fixture(autouse=True)
def nobody_known(monkeypatch):
    """Begin as a process that has not heard of any other, and has a topic to ask about."""
    monkeypatch.setattr(census, "_heard", {})
    monkeypatch.setattr(census, "_here_by_pid", {})
    monkeypatch.setitem(census.topics, "weather", lambda: "fine")


@pytest.fixture
def experienced():
    """Have asked before, so that the others are known."""
    wait_until(lambda: census.ask("weather", wait=0.2).is_whole)


@pytest.fixture
def known(experienced):
    """Have heard another process, which does not answer by itself."""
    say("here")
    wait_until(lambda: OTHER in census._heard)


@pytest.fixture
def asking():
    """Ask, with long patience, in a thread; the test may answer meanwhile, and then takes the census."""

    def start(wait=LONG):
        taken = []
        thread = threading.Thread(target=lambda: taken.append(census.ask("weather", wait=wait)))
        thread.start()
        question = wait_until(lambda: next(iter(census._questions), None))

        def finish():
            thread.join(LONG - 5)
            assert taken, "it waits still"
            return taken[0]

        return question, finish

    return start


def say(name, **data):
    publish_control(name, {"process": OTHER, **data})


def test_a_process_answers_for_itself_and_asks_nobody_it_does_not_know(experienced):
    began = time.monotonic()
    asked = census.ask("weather", wait=LONG)
    assert time.monotonic() - began < LONG - 5
    assert (asked.answers, asked.silent, asked.is_whole) == ([(census.this_process(), "fine")], [], True)


def test_the_question_is_over_as_soon_as_all_that_are_known_have_answered(known, asking):
    question, finish = asking()
    say("answer", id=question, answer="rain")
    asked = finish()
    assert dict(asked.answers) == {census.this_process(): "fine", OTHER: "rain"}
    assert asked.silent == []


def test_who_asks_for_the_first_time_waits_for_those_it_does_not_know(experienced, asking):
    # The bus is heard already, so that the answer is, too.
    census._here().has_asked = False
    question, finish = asking(wait=2)
    say("answer", id=question, answer="rain")
    assert dict(finish().answers)[OTHER] == "rain"


def test_a_process_that_does_not_answer_is_told_of_and_later_forgotten(known, monkeypatch):
    [(process, seconds)] = census.ask("weather", wait=0.05).silent
    assert (process, 0 <= seconds < 60) == (OTHER, True)
    monkeypatch.setattr(census, "FORGET_SECONDS", 0)
    assert census.ask("weather", wait=LONG).silent == []


def test_an_answer_to_an_earlier_question_is_not_taken_for_one_to_this(known, asking):
    question, finish = asking()
    say("answer", id="0" * 16, answer="snow")
    say("answer", id=question, answer="rain")
    assert dict(finish().answers)[OTHER] == "rain"


def test_a_question_of_another_process_is_answered_and_its_asker_known(experienced, monkeypatch):
    told = []
    monkeypatch.setitem(census.control_handlers, "answer", told.append)
    say("ask", id="f" * 16, topic="weather")
    wait_until(lambda: told)
    assert told == [{"process": [*census.this_process()], "id": "f" * 16, "answer": "fine"}]
    assert OTHER in census._heard


def test_a_topic_of_another_version_is_left_unanswered_and_what_is_not_understood_is_logged(
    experienced, caplog, monkeypatch
):
    told = []
    monkeypatch.setitem(census.control_handlers, "answer", told.append)
    say("ask", id="e" * 16, topic="of another version")
    publish_control("ask", {})
    say("ask", id="f" * 16, topic="weather")
    wait_until(lambda: told)
    assert [answer["id"] for answer in told] == ["f" * 16]
    assert "was not understood: 'ask'" in caplog.text
    assert "could not answer" not in caplog.text


def test_when_the_bus_is_away_the_process_answers_alone_and_says_so(known, monkeypatch, caplog):
    def fail(*arguments):
        raise ConnectionError("no route")

    monkeypatch.setattr(census, "publish_control", fail)
    asked = census.ask("weather", wait=LONG)
    assert (asked.answers, asked.is_whole) == ([(census.this_process(), "fine")], False)
    assert "The other processes cannot be queried (ConnectionError: no route)." in caplog.text


def test_a_task_worker_takes_part_from_its_first_task_on(monkeypatch):
    takes_part = threading.Event()
    monkeypatch.setattr(census, "take_part", takes_part.set)
    receiver = census.take_part_with_first_task
    assert task_started.disconnect(receiver), "it is called when a task starts"
    task_started.connect(receiver)
    receiver(sender=None)
    assert takes_part.wait(10)


def test_a_bus_that_loses_the_question_is_no_better_than_one_that_is_away(experienced, monkeypatch):
    monkeypatch.setattr(census, "publish_control", lambda *arguments: None)
    asked = census.ask("weather", wait=0.05)
    assert (asked.answers, asked.is_whole) == ([(census.this_process(), "fine")], False)


def test_inside_a_transaction_the_others_are_asked_all_the_same(known, asking):
    with transaction.atomic():
        [(process, _)] = census.ask("weather", wait=0.05).silent
    assert process == OTHER
