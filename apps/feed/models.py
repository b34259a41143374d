from typing import Any
from zlib import crc32

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

HUES = 8


class PostQuerySet(models.QuerySet):
    def changeable_by(self, user):
        """Return the posts that `user` may change: their own, or all with the permission."""
        return self if user.has_perm("feed.change_post") else self.filter(author=user)

    def deletable_by(self, user):
        """Return the posts that `user` may delete: their own, or all with the permission."""
        return self if user.has_perm("feed.delete_post") else self.filter(author=user)

    def before(self, pk):
        """Return the posts older than the one with this primary key, the newest first; all if it is None."""
        older = self if pk is None else self.filter(pk__lt=pk)
        return older.select_related("author").order_by("-pk")


class Post(models.Model):
    """A post: a text, a link or an image, or several of them."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("author"), related_name="posts"
    )
    text = models.TextField(_("text"), max_length=2000, blank=True)
    link = models.URLField(_("link"), max_length=500, blank=True, validators=[URLValidator(["http", "https"])])
    image = models.ImageField(_("image"), upload_to="feed/%Y/%m/", blank=True)
    thumbnail = models.ImageField(
        upload_to="feed/%Y/%m/", blank=True, editable=False, width_field="width", height_field="height"
    )
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)
    edited_at = models.DateTimeField(_("edited at"), null=True, editable=False)

    objects: Any = PostQuerySet.as_manager()  # mypy does not see its methods

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(text="", link="", image=""),
                name="feed_post_not_empty",
                violation_error_message=_("Write something, or add a link or an image."),
            )
        ]

    def __str__(self) -> str:
        return Truncator(self.text).chars(50) or self.link or str(self.image)

    def get_absolute_url(self) -> str:
        return reverse("feed-post", args=[self.pk])

    @property
    def hue(self) -> int:
        """The number of the author's colour."""
        return crc32(self.author.get_username().encode()) % HUES
