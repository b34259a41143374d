from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import BadRequest
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView
from django.views.static import serve

from apps.sse import LivePageMixin, SSEView, rate_limited

from . import feed
from .forms import PostForm
from .models import Post

PAGE = 20


class PostFormMixin:
    """The form of a post, which a user may send so many times a minute."""

    form_class = PostForm

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_invalid(self, form):
        response = super().form_invalid(form)
        if form.seconds:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.seconds)
        return response


class FeedView(LoginRequiredMixin, LivePageMixin, PostFormMixin, CreateView):
    """The newest posts, or those before one of them, and a form for the next; with `part` the posts alone."""

    def get_template_names(self):
        return ["feed/_page.html" if "part" in self.request.GET else "feed/feed.html"]

    def form_valid(self, form):
        feed.add(form, author=self.request.user)
        return redirect("feed")

    def get_context_data(self, **kwargs):
        before = self.request.GET.get("before")
        if before is not None and not (before.isdecimal() and len(before) < 19):
            raise BadRequest("before must be the number of a post")
        posts = list(Post.objects.before(before)[: PAGE + 1])
        return {
            **super().get_context_data(**kwargs),
            "posts": posts[:PAGE],
            "has_older": len(posts) > PAGE,
            "is_newest": before is None,
        }


class FeedStream(LoginRequiredMixin, SSEView):
    """Everything that happens in the feed, as it happens."""

    channels = [feed.CHANNEL]
    raise_exception = True


@login_required
@require_safe
def picture(request, name):
    """Send a picture of a post, which needs a login as the posts do."""
    response = serve(request, name, document_root=Path(settings.MEDIA_ROOT) / "feed")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


class PostView(LoginRequiredMixin, DetailView):
    """One post, at an address that can be passed on."""

    model = Post
    template_name = "feed/post.html"


class EditView(LoginRequiredMixin, PostFormMixin, UpdateView):
    """A post's form, for users who may change the post; for others it is not there."""

    template_name = "feed/edit.html"

    def get_queryset(self):
        return Post.objects.changeable_by(self.request.user)

    def form_valid(self, form):
        return redirect(feed.change(form))


@method_decorator(rate_limited, name="dispatch")
class RemoveView(LoginRequiredMixin, DeleteView):
    """A question before a post is deleted."""

    template_name = "feed/remove.html"
    success_url = reverse_lazy("feed")

    def get_queryset(self):
        return Post.objects.deletable_by(self.request.user)

    def form_valid(self, form):
        feed.remove(self.object)
        messages.success(self.request, _("Post deleted."))
        return redirect(self.success_url)
