from django.http import Http404
from django.views.generic import TemplateView

from apps.sse import LivePageMixin

from .access import ReadersOnly
from .contents import CHAPTERS, FIRST, PAGES, around


class GuidePage(ReadersOnly, LivePageMixin, TemplateView):
    """A page of the guide; without a name, the first."""

    template_name = "guide/page.html"
    extra_context = {"chapters": CHAPTERS}

    def get_context_data(self, name=FIRST, **kwargs):
        page = PAGES.get(name)
        if page is None:
            raise Http404
        before, after = around(page)
        return super().get_context_data(page=page, before=before, after=after, **kwargs)
