from django.db import models
from django.utils.translation import gettext_lazy as _


class Item(models.Model):
    """A line that somebody has added."""

    text = models.CharField(_("text"), max_length=200)
    added_at = models.DateTimeField(_("added at"), auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("item")
        verbose_name_plural = _("items")

    def __str__(self) -> str:
        return self.text
