from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.views.generic import CreateView

from apps.sse import LivePageMixin, SSEView, publish

from .models import Item

CHANNEL = "app_name"
NEWEST = 50


class AppNamePage(LoginRequiredMixin, LivePageMixin, CreateView):
    """What there is, and a form for one more, which appears on every open page."""

    model = Item
    fields = ["text"]
    template_name = "app_name/page.html"
    success_url = reverse_lazy("app_name")

    def get_context_data(self, **kwargs):
        return super().get_context_data(items=Item.objects.all()[:NEWEST], **kwargs)

    @transaction.atomic
    def form_valid(self, form):
        response = super().form_valid(form)
        html = render_to_string("app_name/_item.html", {"item": self.object})
        publish(CHANNEL, "item", html)
        return response


class AppNameStream(LoginRequiredMixin, SSEView):
    """Each new item, as the page shows it."""

    channels = [CHANNEL]
    raise_exception = True
