"""The log of the database broker, the outbox, and the processes of the site."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

STORED = ("channel", "name", "text", "tag", "sent_at", "durable")


class StoredEvent(models.Model):
    """The fields of an `Event`."""

    channel = models.CharField(max_length=200)
    name = models.TextField()
    text = models.TextField()
    tag = models.CharField(max_length=8)
    sent_at = models.FloatField()
    durable = models.BooleanField(default=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}-{self.tag} {self.channel} {self.name}"


class LoggedEvent(StoredEvent):
    """An event in the log; its `number` follows the order in which events became visible."""

    number = models.BigAutoField(primary_key=True)

    class Meta:
        indexes = [models.Index(fields=["channel", "number"], name="sse_channel_number")]


class LogMark(models.Model):
    """
    The newest `number` in the log at the time `at` of the database's clock. The retention needs it.

    `size` is the running total of bytes of all events up to that number.
    """

    number = models.BigIntegerField(primary_key=True)
    size = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.number} {self.at} {self.size}"


class OutgoingEvent(StoredEvent):
    """The outbox: an event that is committed and not in the log yet."""


class Process(models.Model):
    """A server or worker process, and what it reported `at` a time of the database's clock."""

    kind = models.CharField(max_length=8)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())
    data = models.JSONField()
    # Set by `processes.rows`.
    age: timedelta

    def __str__(self) -> str:
        return f"{self.pk} {self.kind} {self.host} {self.pid}"


class OpenStream(LoggedEvent):
    """
    The open streams in the admin and in permissions; not stored. `name` is whose they are, for the admin's log.

    A proxy, because `dumpdata` needs a table for any other model.
    """

    class Meta:
        proxy = True
        default_permissions = ("view", "end")
        verbose_name = _("open stream")
        verbose_name_plural = _("open streams")

    def __str__(self) -> str:
        return self.name
