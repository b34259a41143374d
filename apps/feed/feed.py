"""Changes to the feed. Each is saved and published in one transaction: both happen, or neither."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from apps.sse import publish, publish_html

from .models import Post

CHANNEL = "feed"


@transaction.atomic
def add(post: Post) -> None:
    """Save a new post."""
    post.save()
    publish(CHANNEL, "post", {"html": render(post)})


@transaction.atomic
def change(post: Post) -> None:
    """Save an edited post, and delete the pictures it no longer has; raises `Post.DoesNotExist` if it is gone."""
    before = Post.objects.select_for_update().get(pk=post.pk)
    post.edited_at = timezone.now()
    post.save(force_update=True)
    publish_html(CHANNEL, f"#post-{post.pk}", render(post), mode="outer")
    if before.image != post.image:
        delete_pictures(before)


@transaction.atomic
def remove(post: Post) -> None:
    """Delete a post."""
    publish_html(CHANNEL, f"#post-{post.pk}", "", mode="remove")
    post.delete()


def delete_pictures(instance: Post, **kwargs) -> None:
    """Delete the files of a post, on commit: called for each deleted post, also if its author is deleted."""
    for file in (instance.image, instance.thumbnail):
        if file.name:
            transaction.on_commit(partial(file.storage.delete, file.name), robust=True)


def render(post: Post) -> str:
    """Return the HTML of a post, the same for the page and the stream, in the site's language for all readers."""
    with translation.override(settings.LANGUAGE_CODE):
        return render_to_string("feed/_post.html", {"post": post})
