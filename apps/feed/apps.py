from django.apps import AppConfig
from django.db.models import Count
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class FeedConfig(AppConfig):
    name = "apps.feed"
    verbose_name = _("Feed")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import feed  # imports models

        post_delete.connect(feed.delete_pictures, sender=self.get_model("Post"))

    def figures(self, figure) -> list:
        """Return what the dashboard shows of the feed."""
        posts = self.get_model("Post").objects
        return [
            figure(_("Posts"), posts, at="created_at"),
            figure(_("Active authors"), posts, at="created_at", value=Count("author", distinct=True)),
        ]

    def live_figure(self) -> int:
        """Return the number of posts, for the first page."""
        return self.get_model("Post").objects.count()
