"""
What all processes have to say: asked over the bus when somebody wants to know, and answered by each.

A process takes part from its first request, stream or task on. It says that it is there, so that the
others know for whose answers to wait; one that stays silent is told of, never left out without a word.
"""

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.tasks.signals import task_started

from . import connections
from .hub import control_handlers, get_hub
from .loops import process_loop
from .publishing import publish_control
from .threads import give_connections_back

logger = logging.getLogger("apps.sse")

WAIT_SECONDS = 1.0
ASK_SECONDS = 5.0
# A process that has said nothing for so long is not waited for any more.
FORGET_SECONDS = 300.0

# What can be asked for, and what this process answers: anything that is JSON and fits into an event.
topics: dict[str, Callable[[], Any]] = {}


class Process(NamedTuple):
    """A process: the random name that it has for as long as it lives, its id, and its host."""

    name: str
    pid: int
    host: str


class Census(NamedTuple):
    """
    What each process has answered, in the order of their names, and who has not.

    `silent` holds, beside each process, how many seconds ago it was last heard. `is_whole` is false
    if the others could not be asked.
    """

    answers: list[tuple[Process, Any]]
    silent: list[tuple[Process, float]]
    is_whole: bool


class _Here:
    """This process, as the others know it, and the loop on which it hears them."""

    def __init__(self) -> None:
        self.process = Process(secrets.token_hex(4), os.getpid(), socket.gethostname())
        self.loop: asyncio.AbstractEventLoop | None = None
        self.is_known = False
        self.has_asked = False
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="sse-census")


class _Question:
    """A question, and who has not answered it yet of those who are expected to; None stands for others unknown."""

    def __init__(self, missing: Iterable[Process | None]) -> None:
        self.id = secrets.token_hex(8)
        self.missing = {*missing}
        self.answers: dict[Process, Any] = {}
        self.is_answered = threading.Event()

    def take(self, process: Process, data: Any) -> None:
        """Note an answer."""
        self.answers[process] = data
        self.missing.discard(process)
        if not self.missing:
            self.is_answered.set()


_lock = threading.Lock()
_here_by_pid: dict[int, _Here] = {}
_heard: dict[Process, float] = {}
_questions: dict[str, _Question] = {}


def this_process() -> Process:
    """Return this process, as the others know it."""
    return _here().process


def take_part() -> None:
    """Hear the other processes from now on, on the running event loop, and let them know of this one."""
    get_hub().begin()
    here = _here()
    here.loop = asyncio.get_running_loop()
    if not here.is_known:
        here.is_known = True
        here.thread.submit(_tell, "here")


def ask(topic: str, wait: float = WAIT_SECONDS) -> Census:
    """
    Return what each process answers on one of the `topics`; call it from a thread without a loop.

    It waits `wait` seconds at most for the answers, and less if every process that is known has
    answered before. Whoever asks for the first time may not know everybody, and waits for all of them.
    """
    here = _here()
    others = _known()
    # It hears its own question, too, if the bus carries anything at all.
    question = _Question([here.process, *others, *([] if here.has_asked else [None])])
    _questions[question.id] = question
    try:
        if _put(question.id, topic):
            question.is_answered.wait(wait)
    finally:
        del _questions[question.id]
    is_whole = here.process in question.answers
    here.has_asked |= is_whole
    answers = {here.process: topics[topic](), **question.answers}
    silent = [(process, time.monotonic() - at) for process, at in others.items() if process not in answers]
    return Census(_in_order(answers.items()), _in_order(silent), is_whole)


def _put(id: str, topic: str) -> bool:
    """Ask the others; say whether that could be done."""
    try:
        asyncio.run_coroutine_threadsafe(_hear(), _loop()).result(ASK_SECONDS)
        # In a thread of its own, outside of the caller's transaction.
        _here().thread.submit(_tell, "ask", id=id, topic=topic).result(ASK_SECONDS)
    except Exception as error:
        logger.warning("The other processes cannot be queried (%s: %s).", type(error).__name__, error)
        return False
    return True


async def _hear() -> None:
    take_part()
    await get_hub().start()


def _loop() -> asyncio.AbstractEventLoop:
    loop = _here().loop
    return loop if loop is not None and loop.is_running() else process_loop()


def _here() -> _Here:
    with _lock:
        if os.getpid() not in _here_by_pid:
            _here_by_pid[os.getpid()] = _Here()
        return _here_by_pid[os.getpid()]


def _in_order[T](of_processes: Iterable[tuple[Process, T]]) -> list[tuple[Process, T]]:
    return sorted(of_processes, key=lambda pair: pair[0])


def _known() -> dict[Process, float]:
    """Return when each of the other processes was last heard, and forget those that were not for long."""
    now = time.monotonic()
    for process, at in list(_heard.items()):
        if now - at >= FORGET_SECONDS:
            _heard.pop(process, None)
    return dict(_heard)


def _tell(name: str, **data: Any) -> None:
    try:
        publish_control(name, {"process": this_process(), **data})
    finally:
        give_connections_back()


def _note(data: dict[str, Any]) -> Process:
    process = Process(*data["process"])
    if process != this_process():
        _heard[process] = time.monotonic()
    return process


def _on_ask(data: dict[str, Any]) -> None:
    process, topic = _note(data), data["topic"]
    if process != this_process():
        if topic in topics:
            _here().thread.submit(_answer, data["id"], topic)
    elif question := _questions.get(data["id"]):
        question.take(process, topics[topic]())


def _answer(id: str, topic: str) -> None:
    try:
        _tell("answer", id=id, answer=topics[topic]())
    except Exception:
        logger.exception("This process could not answer a query for %s.", topic)


def _on_answer(data: dict[str, Any]) -> None:
    process = _note(data)
    if question := _questions.get(data["id"]):
        question.take(process, data["answer"])


control_handlers.update({"here": _note, "ask": _on_ask, "answer": _on_answer})


def take_part_with_first_request(sender: type, **_: Any) -> None:
    """Take part if a WSGI server hands over a request; under ASGI the hand-off sees to it."""
    if issubclass(sender, WSGIHandler):
        take_part_with_first_task()


def take_part_with_first_task(**_: Any) -> None:
    """Take part on the process's own loop, unless this process does already."""
    if not _here().is_known:
        process_loop().call_soon_threadsafe(take_part)


# However a stream is served, it may be ended by what another process says.
connections.when_opened.append(lambda _: take_part())
request_started.connect(take_part_with_first_request)
task_started.connect(take_part_with_first_task)
