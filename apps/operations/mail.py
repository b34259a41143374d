"""
Mails that a task worker sends. The queue stores them encrypted, since they contain codes.

The key is derived from `SECRET_KEY`. `SECRET_KEY_FALLBACKS` decrypt what was queued before a change of the key.
"""

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.tasks import TaskContext, task
from django.tasks.signals import task_finished
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables
from django_tasks_db.backend import TaskResult
from django_tasks_db.models import DBTaskResult

CODE_SECONDS = 900
"""A mail with a code is not sent later than this: the code has expired."""


class Expired(Exception):
    """A mail was not sent in time, or was encrypted with a key that is no longer known."""


def enqueue(subject: str, body: str, html: str, to: list[str], *, has_code: bool = False) -> None:
    """Queue a mail, as text and as HTML. With a code it is sent within `CODE_SECONDS` or not at all."""
    content = json.dumps({"subject": subject, "body": body, "html": html, "to": to})
    send.using(backend=settings.MAIL_TASKS).enqueue(_cipher().encrypt(content.encode()).decode(), has_code)


@task(priority=50, takes_context=True)
@sensitive_variables()
def send(context: TaskContext, sealed: str, has_code: bool) -> None:
    """Decrypt a mail and send it. Raises `Expired`, or an error of the mail server."""
    try:
        content = json.loads(_cipher().decrypt(sealed, ttl=CODE_SECONDS if has_code else None))
    except InvalidToken:
        raise Expired("Not sent: too late, or SECRET_KEY has changed.") from None
    message = EmailMultiAlternatives(content["subject"], content["body"], to=content["to"])
    message.attach_alternative(content["html"], "text/html")
    message.send()


def discard_content(task_result, **kwargs) -> None:
    """Delete a mail from the queue when its task has ended."""
    if isinstance(task_result, TaskResult) and task_result.task.func is send.func:
        DBTaskResult.objects.filter(pk=task_result.id).update(args_kwargs={"args": ["", False], "kwargs": {}})


def connect() -> None:
    """Delete each mail when its task has ended."""
    task_finished.connect(discard_content)


def _cipher() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = (salted_hmac("apps.operations.mail", "queue", key, algorithm="sha256").digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
