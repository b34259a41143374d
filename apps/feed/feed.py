"""What happens in the feed: it is saved, and told to every page that shows the feed, or neither."""

from functools import partial

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from apps.sse import publish, publish_html

from .models import Post

CHANNEL = "feed"


@transaction.atomic
def add(form, author) -> Post:
    """Save a new post."""
    form.instance.author = author
    post = form.save()
    publish(CHANNEL, "post", {"html": _shown(post)})
    return post


@transaction.atomic
def change(form) -> Post:
    """Save a post that was edited."""
    before = Post.objects.get(pk=form.instance.pk)
    form.instance.edited_at = timezone.now()
    post = form.save()
    publish_html(CHANNEL, f"#post-{post.pk}", _shown(post), mode="outer")
    if before.image != post.image:
        _drop_pictures(before)
    return post


@transaction.atomic
def remove(post: Post) -> None:
    """Delete a post, and its pictures once that is certain."""
    publish_html(CHANNEL, f"#post-{post.pk}", "", mode="remove")
    _drop_pictures(post)
    post.delete()


def _drop_pictures(post: Post) -> None:
    for file in (post.image, post.thumbnail):
        if file:
            transaction.on_commit(partial(file.storage.delete, file.name), robust=True)


def _shown(post: Post) -> str:
    return render_to_string("feed/_post.html", {"post": post})
