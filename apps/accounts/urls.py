"""The pages of accounts: allauth's."""

from django.urls import include, path

urlpatterns = [
    path("", include("allauth.urls")),
]
