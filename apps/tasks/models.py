"""Imports and the contacts that they create."""

from functools import partial
from secrets import token_urlsafe
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def private_storage() -> Storage:
    """Return the default storage; if it is a folder, only this process's user and group may read the files."""
    if not isinstance(storages["default"], FileSystemStorage):
        return storages["default"]
    return FileSystemStorage(file_permissions_mode=0o640, directory_permissions_mode=0o750)


def private_name(task: "Task", filename: str) -> str:
    """Return an unguessable name without any part of the uploaded file's name."""
    return f"private/tasks/{token_urlsafe(24)}.csv"


class Contact(models.Model):
    """A contact of a user, identified by the email address in lower case."""

    owner_id: Any
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="contacts"
    )
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


class Task(models.Model):
    """
    An import and its progress: `done` of `total` bytes of its file.

    `done` is also the position to continue from. It is saved in one transaction with the rows before it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    UNFINISHED = (State.WAITING, State.RUNNING)
    STOPPED = (State.CANCELLED, State.FAILED)
    FINAL = (State.DONE, *STOPPED)

    owner_id: Any
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="tasks"
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    name = models.CharField(_("name"), max_length=200)
    file = models.FileField(_("file"), upload_to=private_name, storage=private_storage, max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)
    total = models.PositiveBigIntegerField(_("total bytes"), default=0)
    done = models.PositiveBigIntegerField(_("bytes done"), default=0)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    bad = models.PositiveIntegerField(_("rows with errors"), default=0)
    problem = models.CharField(_("first error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> int:
        """The progress; 100 only when the task is done."""
        if self.state == self.State.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0

    @property
    def element_id(self) -> str:
        """The id of the task's element on a page."""
        return f"task-{self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in self.UNFINISHED

    @property
    def can_be_retried(self) -> bool:
        return self.state in self.STOPPED and bool(self.file)


class RowProblem(models.Model):
    """A row that was not imported, counted from 1 without the header, and the reason."""

    task = models.ForeignKey(Task, models.CASCADE, verbose_name=_("task"), related_name="problems")
    row = models.PositiveIntegerField(_("row"))
    reason = models.CharField(_("reason"), max_length=250)

    class Meta:
        verbose_name = _("row with an error")
        verbose_name_plural = _("rows with errors")
        ordering = ["row"]

    def __str__(self) -> str:
        return f"{self.row}: {self.reason}"


@receiver(post_delete, sender=Task)
def discard_file(instance: Task, **kwargs) -> None:
    """Delete a task's file at the commit, also if the task was deleted with its owner."""
    if name := instance.file.name:
        transaction.on_commit(partial(instance.file.storage.delete, name))
