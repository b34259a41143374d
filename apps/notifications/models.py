from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NOT_DELETED = models.Q(deleted_at=None)
UNREAD = NOT_DELETED & models.Q(read_at=None)

# A page of this site, or one elsewhere; never a script.
is_page = RegexValidator(
    r"^(/(?![/\\])|https?://)[^\s\x00-\x1f]*\Z", _("Enter a path or URL without spaces: /… or https://….")
)


class NotificationQuerySet(models.QuerySet):
    def present(self):
        """Return those that were not deleted."""
        return self.filter(NOT_DELETED)

    def unread(self):
        """Return those that are unread."""
        return self.filter(UNREAD)


class Message(models.Model):
    """What a notification says: `verb`, after the name of the actor, a `text`, and where to look at it."""

    verb = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), max_length=1000, blank=True, validators=[MaxLengthValidator(1000)])
    url = models.CharField(_("address"), max_length=500, blank=True, validators=[is_page])

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.verb


class Notification(Message):
    """Something that a user is to know, until it is read, deleted or too old."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    read_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["recipient", "-id"], condition=NOT_DELETED, name="notification_present"),
            models.Index(fields=["recipient", "-id"], condition=UNREAD, name="notification_unread"),
        ]


class Broadcast(Message):
    """A notification that staff sends to one user, to a group or to everybody, and how far that has come."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, verbose_name=_("user"), related_name="+"
    )
    group = models.ForeignKey(
        "auth.Group", models.CASCADE, null=True, blank=True, verbose_name=_("group"), related_name="+"
    )
    to_everybody = models.BooleanField(_("everybody"), default=False)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("sent"), null=True, editable=False)
    total = models.PositiveIntegerField(_("recipients"), default=0, editable=False)
    sent = models.PositiveIntegerField(_("notified"), default=0, editable=False)
    # Users have it in the order of their primary keys, up to this one.
    last_pk = models.CharField(max_length=64, blank=True, editable=False)

    def clean(self):
        if [bool(self.user_id), bool(self.group_id), self.to_everybody].count(True) != 1:
            raise ValidationError(_("Choose one: a user, a group or everybody."))

    def recipients(self):
        """Return the users who are to have it, in their order."""
        users = get_user_model()._default_manager.filter(is_active=True).order_by("pk")
        if self.to_everybody:
            return users
        return users.filter(pk=self.user_id) if self.user_id else users.filter(groups=self.group_id)

    def waiting(self):
        """Return those of them who do not have it yet."""
        return self.recipients().filter(pk__gt=self.last_pk) if self.last_pk else self.recipients()
