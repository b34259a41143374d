"""Tasks that people start, what an import brings in, and what it could not take."""

from functools import partial
from secrets import token_urlsafe

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import Http404
from django.utils.translation import gettext_lazy as _

TEXT_LENGTH = 500
"""Characters of a faulty row that are kept."""

MOST_ERRORS = 10_000
"""Rows with errors, after which an import stops: a file of 50 MB may have one in every two bytes."""


def private_storage() -> FileSystemStorage:
    """Return where files are kept that nobody but this process's user and group may read."""
    return FileSystemStorage(file_permissions_mode=0o640, directory_permissions_mode=0o750)


def private_name(task: "Task", filename: str) -> str:
    """Return a name for a file that nobody can guess; what the visitor has called it plays no part."""
    return f"private/tasks/{token_urlsafe(24)}.csv"


class Contact(models.Model):
    """Somebody a user knows; the email address, in lower case, is what tells contacts apart."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="contacts")
    email = models.EmailField(_("email"), max_length=254)
    name = models.CharField(_("name"), max_length=200)
    company = models.CharField(_("company"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [models.UniqueConstraint(fields=["owner", "email"], name="one_contact_per_email")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class TaskQuerySet(models.QuerySet):
    def seen_by(self, user) -> "TaskQuerySet":
        """Return the tasks that a user may see: their own, or all with the permission to view or change tasks."""
        if not user.is_active:
            return self.none()
        sees_all = user.has_perm("tasks.view_task") or user.has_perm("tasks.change_task")
        return self if sees_all else self.filter(owner_id=user.pk)

    def finished(self, state: str = "", before: str | None = None) -> "TaskQuerySet":
        """Return the finished tasks, in one state or all of them, older than the one with the key `before`."""
        found = self.filter(state__in=[state] if state else Task.FINAL)
        return found.filter(pk__lt=before) if before else found

    def find(self, user, key) -> "Task":
        """Return a task that a user may see; raises `Http404` for others, as if there were none."""
        try:
            return self.seen_by(user).get(pk=key)
        except (Task.DoesNotExist, ValueError):
            raise Http404 from None


class Task(models.Model):
    """
    Work that a user has asked for, and how far it has come.

    `done` of `total` says how far: bytes read, or rows written. `place` is where to go on. Both are
    written in the transaction of the batch that they tell of, so they are never ahead of it or behind.
    A worker that is at it has put its `claim` there, and every batch moves `beat_at`.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", _("Import")
        EXPORT = "export", _("Export")

    class State(models.TextChoices):
        DRAFT = "draft", _("Ready to start")
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    UNDER_WAY = (State.WAITING, State.RUNNING)
    STOPPED = (State.CANCELLED, State.FAILED)
    FINAL = (State.DONE, *STOPPED)

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tasks")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    name = models.CharField(_("name"), max_length=200)
    file = models.FileField(_("file"), upload_to=private_name, storage=private_storage, max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    total = models.PositiveBigIntegerField(_("total bytes or rows"), default=0)
    done = models.PositiveBigIntegerField(_("bytes or rows done"), default=0)
    place = models.JSONField(_("position to continue from"), default=dict)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    bad = models.PositiveIntegerField(_("rows with errors"), default=0)
    rate = models.FloatField(_("rows per second"), null=True)
    left = models.FloatField(_("seconds left"), null=True)

    claim = models.CharField(_("worker's claim"), max_length=32, blank=True)
    beat_at = models.DateTimeField(_("last heartbeat"), null=True)
    tries = models.PositiveSmallIntegerField(_("claims since the last batch"), default=0)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"

    @property
    def percent(self) -> int:
        """How far it has come: 100 is kept for the end."""
        if self.state == self.State.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0

    @property
    def good(self) -> int:
        """How many rows were taken."""
        return self.rows - self.bad

    @property
    def label(self) -> str:
        """What it is, and in which state."""
        return f"{self.get_kind_display()} · {self.get_state_display()}"

    @property
    def element_id(self) -> str:
        """The id of its element on a page."""
        return f"task-{self.pk}"

    @property
    def is_final(self) -> bool:
        return self.state in self.FINAL

    @property
    def is_under_way(self) -> bool:
        return self.state in self.UNDER_WAY

    @property
    def has_too_many_errors(self) -> bool:
        return self.bad >= MOST_ERRORS

    @property
    def can_be_retried(self) -> bool:
        return self.state in self.STOPPED and not self.has_too_many_errors

    def discard_file(self) -> None:
        """Delete the file, once the transaction is committed."""
        if self.file:
            transaction.on_commit(partial(self.file.storage.delete, self.file.name))


class RowError(models.Model):
    """A row that an import could not take: the line on which it begins, and why."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="errors")
    line = models.PositiveIntegerField(_("line"))
    reason = models.CharField(_("reason"), max_length=300)
    text = models.CharField(_("beginning of the row"), max_length=TEXT_LENGTH)

    class Meta:
        verbose_name = _("row error")
        verbose_name_plural = _("row errors")
        constraints = [models.UniqueConstraint(fields=["task", "line"], name="one_error_per_line")]

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"


@receiver(post_delete, sender=Task)
def discard_file(instance: Task, **kwargs) -> None:
    """Let no file outlive its task, whoever deletes that: its owner may be deleted, too."""
    instance.discard_file()
