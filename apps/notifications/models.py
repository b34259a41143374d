from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NOT_DELETED = models.Q(deleted_at=None)
UNREAD = NOT_DELETED & models.Q(read_at=None)

# Paths and http(s) URLs only: a link must not be a script.
is_link = RegexValidator(
    r"^(/(?![/\\])|https?://)[^\s\x00-\x1f]*\Z", _("Enter a path or URL without spaces: /… or https://….")
)


class NotificationQuerySet(models.QuerySet):
    def present(self):
        """Return the notifications that were not deleted."""
        return self.filter(NOT_DELETED)

    def unread(self):
        """Return the unread notifications."""
        return self.filter(UNREAD)


class Message(models.Model):
    """The content of a notification: a `verb`, shown after the actor's name, a `text` and a link."""

    verb = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), max_length=1000, blank=True, validators=[MaxLengthValidator(1000)])
    url = models.CharField(_("address"), max_length=500, blank=True, validators=[is_link])

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.verb


class Notification(Message):
    """A notification of one user."""

    recipient_id: Any
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    read_at = models.DateTimeField(null=True, blank=True, db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes = [
            models.Index(fields=["recipient", "-id"], condition=NOT_DELETED, name="notification_present"),
            models.Index(fields=["recipient", "-id"], condition=UNREAD, name="notification_unread"),
        ]


class Broadcast(Message):
    """A notification that staff sends to one user, to a group or to everybody, and its progress."""

    user_id: Any
    group_id: int | None
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, verbose_name=_("user"), related_name="+"
    )
    group = models.ForeignKey(
        "auth.Group", models.CASCADE, null=True, blank=True, verbose_name=_("group"), related_name="+"
    )
    to_everybody = models.BooleanField(_("everybody"), default=False)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        verbose_name=_("sent by"),
        related_name="+",
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("sent"), null=True, editable=False)
    total = models.PositiveIntegerField(_("recipients"), default=0, editable=False)
    sent = models.PositiveIntegerField(_("notified"), default=0, editable=False)
    # Recipients are notified in the order of their primary keys, up to this one.
    last_pk = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")

    def clean(self):
        if [bool(self.user_id), bool(self.group_id), self.to_everybody].count(True) != 1:
            raise ValidationError(_("Choose one: a user, a group or everybody."))

    def recipients(self):
        """Return the users to notify, ordered by primary key."""
        users = get_user_model()._default_manager.filter(is_active=True).order_by("pk")
        if self.to_everybody:
            return users
        return users.filter(pk=self.user_id) if self.user_id else users.filter(groups=self.group_id)

    def remaining(self):
        """Return the recipients who are not notified yet."""
        return self.recipients().filter(pk__gt=self.last_pk) if self.last_pk else self.recipients()
