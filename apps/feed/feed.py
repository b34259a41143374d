"""What happens in the feed: it is saved, and told to every page that shows the feed, or neither."""

from functools import partial

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from apps.sse import publish

from .models import Post

CHANNEL = "feed"


@transaction.atomic
def add(form, author) -> Post:
    """Save a new post."""
    form.instance.author = author
    post = form.save()
    publish(CHANNEL, "post", _shown(post))
    return post


@transaction.atomic
def change(form) -> Post:
    """Save a post that was edited."""
    before = Post.objects.get(pk=form.instance.pk)
    form.instance.edited_at = timezone.now()
    post = form.save()
    publish(CHANNEL, "post-changed", _shown(post))
    if before.image != post.image:
        _drop_pictures(before)
    return post


@transaction.atomic
def remove(post: Post) -> None:
    """Delete a post, and its pictures once that is certain."""
    publish(CHANNEL, "post-removed", {"id": post.pk})
    _drop_pictures(post)
    post.delete()


def _drop_pictures(post: Post) -> None:
    for file in (post.image, post.thumbnail):
        if file:
            transaction.on_commit(partial(file.storage.delete, file.name), robust=True)


def _shown(post: Post) -> dict:
    return {"id": post.pk, "html": render_to_string("feed/_post.html", {"post": post})}
