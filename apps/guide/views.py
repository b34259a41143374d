from django.conf import settings
from django.http import Http404
from django.views.generic import RedirectView, TemplateView

from apps.sse import LivePageMixin

from .access import ReadersOnly
from .pages import CHAPTERS, PAGES


class GuideView(ReadersOnly, RedirectView):
    """Redirects to the first page."""

    pattern_name = "guide-page"


class GuidePage(ReadersOnly, LivePageMixin, TemplateView):
    """A page of the guide."""

    template_name = "guide/page.html"
    extra_context = {"chapters": CHAPTERS, "project": settings.ROOT_URLCONF.partition(".")[0]}

    def get_context_data(self, **kwargs):
        if (name := self.kwargs["name"]) not in PAGES:
            raise Http404
        pages = [None, *PAGES.values(), None]
        place = pages.index(PAGES[name])
        before, page, after = pages[place - 1 : place + 2]
        return super().get_context_data(before=before, page=page, after=after, **kwargs)
