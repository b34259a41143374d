from django.views.generic import TemplateView


class AppNamePage(TemplateView):
    """The page of this app."""

    template_name = "app_name/page.html"
