"""The profile, and allauth's pages."""

from django.urls import include, path, re_path
from django.views.generic import RedirectView

from . import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="account_profile")),
    path("profile/", views.ProfileView.as_view(), name="account_profile"),
    re_path(r"^picture/(?P<name>[\w-][\w.-]*)$", views.picture, name="account_picture"),
    path("export/", views.export, name="account_export"),
    path("delete/", views.delete, name="account_delete"),
    path("mails/", views.mails),
    path("", include("allauth.urls")),
]
