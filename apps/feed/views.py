from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import BadRequest
from django.core.files.storage import FileSystemStorage, storages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils._os import safe_join
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView
from django.views.generic.edit import ModelFormMixin
from django.views.static import serve

from apps.sse import LivePageMixin, SSEView, rate_limited

from . import feed
from .forms import PostForm
from .models import Post

PAGE_SIZE = 20


class PostFormMixin(ModelFormMixin):
    """The form of a post, with the rate limit."""

    request: HttpRequest
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
    """The newest posts with a form, or the posts before a given one; with `part`, the list only."""

    def get_template_names(self):
        return ["feed/feed.html#posts" if "part" in self.request.GET else "feed/feed.html"]

    def form_valid(self, form):
        form.instance.author = self.request.user
        feed.add(form.save(commit=False))
        return redirect("feed")

    def get_context_data(self, **kwargs):
        before = self.request.GET.get("before")
        if before is not None and not (before.isdecimal() and len(before) < 19):
            raise BadRequest("before must be the number of a post")
        posts = list(Post.objects.before(before)[: PAGE_SIZE + 1])
        return {
            **super().get_context_data(**kwargs),
            "posts": posts[:PAGE_SIZE],
            "has_older": len(posts) > PAGE_SIZE,
            "is_newest": before is None,
        }


class FeedStream(LoginRequiredMixin, SSEView):
    """All changes to the feed."""

    channels = [feed.CHANNEL]
    sse_compress = True
    raise_exception = True


@login_required
@require_safe
def picture(request, name):
    """Send a picture of a post, or redirect to its signed address, for logged-in users only."""
    below = name.removeprefix("feed/")
    if isinstance(storages["default"], FileSystemStorage):
        response = serve(request, below, document_root=f"{settings.MEDIA_ROOT}/feed")
    else:
        response = redirect(storages["default"].url(safe_join("/feed", below)[1:]))
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


class PostView(LoginRequiredMixin, DetailView):
    """The permanent address of a post."""

    model = Post
    template_name = "feed/post.html"
    extra_context = {"title": _("Post")}


class EditView(LoginRequiredMixin, PostFormMixin, UpdateView):
    """The form of a post, for users who may change it; others get 404."""

    template_name = "feed/post.html"
    extra_context = {"title": _("Edit post"), "button": _("Save")}

    def get_queryset(self):
        return Post.objects.changeable_by(self.request.user)

    def get_object(self, queryset=None):
        pk = self.kwargs["pk"]
        if self.request.method == "POST" and not Post.objects.filter(pk=pk).exists():
            return Post(pk=pk, author=self.request.user)
        return super().get_object(queryset)

    def form_valid(self, form):
        try:
            feed.change(form.save(commit=False))
        except Post.DoesNotExist:
            form.add_error(None, _("This post was deleted. Your text is still here: copy it into a new post."))
            return self.render_to_response(self.get_context_data(form=form), status=410)
        return redirect(self.object)


@method_decorator(rate_limited, name="dispatch")
class RemoveView(LoginRequiredMixin, DeleteView):
    """Asks for confirmation and deletes a post."""

    template_name = "feed/post.html"
    extra_context = {
        "title": _("Delete this post?"),
        "warning": _("The post disappears for everyone. This cannot be undone."),
        "button": _("Delete post"),
    }

    def get_queryset(self):
        return Post.objects.deletable_by(self.request.user)

    def form_valid(self, form):
        feed.remove(self.object)
        messages.success(self.request, _("Post deleted."))
        return redirect("feed")
