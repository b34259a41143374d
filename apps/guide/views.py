from django.conf import settings
from django.http import Http404
from django.views.generic import TemplateView

from apps.sse import LivePageMixin

from .access import ReadersOnly
from .contents import CHAPTERS, EXAMPLES, around
from .sources import Source, read
from .troubles import TROUBLES

CLIENT_SOURCES = [
    Source("guide", "templates/guide/_modes.html"),
    Source("guide", "templates/guide/_states.html"),
    Source("guide", "templates/guide/_state.html"),
    Source("guide", "examples/client.py"),
    Source("guide", "static/guide/player.js"),
]


class Overview(ReadersOnly, TemplateView):
    """All that the guide has."""

    template_name = "guide/overview.html"
    extra_context = {"chapters": CHAPTERS}


class ExamplePage(ReadersOnly, LivePageMixin, TemplateView):
    """An example at work, beside the source that runs it."""

    template_name = "guide/example.html"

    def get_context_data(self, **kwargs):
        example = EXAMPLES.get(self.kwargs["name"])
        if example is None:
            raise Http404
        before, after = around(example.name)
        return super().get_context_data(example=example, before=before, after=after, **kwargs)


class ClientPage(ReadersOnly, TemplateView):
    """Each mode, each operation and each state of the browser client, at work."""

    template_name = "guide/client.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(sources=[read(source) for source in CLIENT_SOURCES], **kwargs)


class ChoosingPage(ReadersOnly, TemplateView):
    """When to use Server-Sent Events, and when WebSocket."""

    template_name = "guide/choosing.html"


class ServingPage(ReadersOnly, TemplateView):
    """What a proxy and a server have to do for streams."""

    template_name = "guide/serving.html"
    extra_context = {"package": settings.ROOT_URLCONF.partition(".")[0]}


class TroublesPage(ReadersOnly, TemplateView):
    """What can go wrong, with the command that finds it."""

    template_name = "guide/troubles.html"
    extra_context = {"troubles": TROUBLES}
