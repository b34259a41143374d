from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Item(models.Model):
    """A row of the list."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    text = models.CharField(_("text"), max_length=200)
    is_done = models.BooleanField(_("done"), default=False)
    added_at = models.DateTimeField(_("added at"), auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("item")
        verbose_name_plural = _("items")

    def __str__(self) -> str:
        return self.text

    @classmethod
    def visible_to(cls, user) -> models.QuerySet["Item"]:
        """Return the items that a user may see: their own, or all with the permission."""
        return cls.objects.all() if user.has_perm("app_name.view_item") else cls.objects.filter(owner=user)
