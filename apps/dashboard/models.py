"""Samples of each process, every three seconds, and means of all processes over longer times."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

BUCKET = 3
"""Seconds of a sample. Buckets begin at multiples of it, so those of all processes align."""


def bucket_of(seconds: float) -> int:
    """Return the start of the bucket that holds this moment; both are in unix seconds."""
    return int(seconds // BUCKET * BUCKET)


class Sample(models.Model):
    """One process during one bucket: its counts, and its state when the bucket ended."""

    class Kind(models.TextChoices):
        WEB = "web", _("web process")
        WORKER = "worker", _("task worker")

    bucket = models.BigIntegerField(_("start of the bucket, in unix seconds"))
    process = models.CharField(_("process"), max_length=16)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)

    requests = models.PositiveIntegerField(_("requests answered"))
    errors = models.PositiveIntegerField(_("of these, answered with a server error"), db_default=0)
    durations = models.JSONField(_("histogram of response times"), default=dict)
    queries = models.PositiveIntegerField(_("database queries"))
    published = models.PositiveIntegerField(_("events published"), db_default=0)
    delivered = models.PositiveIntegerField(_("events delivered, once for each client"), db_default=0)
    cpu = models.FloatField(_("CPU seconds used"))

    memory = models.PositiveBigIntegerField(_("resident memory, in bytes"))
    streams = models.PositiveIntegerField(_("open streams"))
    anonymous = models.PositiveIntegerField(_("open streams of visitors not logged in"))
    users = models.JSONField(_("users with open streams"), default=list, encoder=DjangoJSONEncoder)
    running = models.PositiveIntegerField(_("tasks running in this process"), default=0)
    queued = models.PositiveIntegerField(_("tasks waiting, for any process"), null=True)

    class Meta:
        verbose_name = _("sample")
        verbose_name_plural = _("samples")
        constraints = [models.UniqueConstraint(fields=["bucket", "process"], name="one_sample_per_bucket")]

    def __str__(self) -> str:
        return f"{self.process} {self.bucket}"


class Summary(models.Model):
    """The figures of all processes over `step` seconds: a point of a range that is too long for samples."""

    step = models.PositiveIntegerField(_("seconds"))
    bucket = models.BigIntegerField(_("start, in unix seconds"))
    point = models.JSONField(_("figures"))

    class Meta:
        verbose_name = _("summary")
        verbose_name_plural = _("summaries")
        constraints = [models.UniqueConstraint(fields=["step", "bucket"], name="one_summary_per_step")]

    def __str__(self) -> str:
        return f"{self.bucket} +{self.step}"
