from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django.views.generic import CreateView

from apps.sse import LivePageMixin, SSEView

from . import items
from .models import Item

NEWEST = 50


class AppNamePage(LoginRequiredMixin, LivePageMixin, CreateView):
    """The newest items, and a form for one more."""

    model = Item
    fields = ["text"]
    template_name = "app_name/page.html"

    def get_context_data(self, **kwargs):
        visible = Item.visible_to(self.request.user)
        return super().get_context_data(items=visible[:NEWEST], newest=NEWEST, **kwargs)

    def form_valid(self, form):
        form.instance.owner = self.request.user
        with items.changing():
            items.add(form.instance)
        return redirect("app_name")


@login_required
@require_POST
def change(request, pk, act):
    """Finish or remove an item that the user may see, unless it was removed in the meantime."""
    with items.changing():
        if item := Item.visible_to(request.user).filter(pk=pk).first():
            act(item)
    return redirect("app_name")


class AppNameStream(LoginRequiredMixin, SSEView):
    """The changes of the items that the user may see."""

    raise_exception = True

    def get_channels(self, request):
        return [items.channel_for(request.user)]
