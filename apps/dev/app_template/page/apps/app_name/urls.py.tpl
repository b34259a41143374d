from django.urls import path

from .views import AppNamePage

urlpatterns = [
    path("app_name/", AppNamePage.as_view(), name="app_name"),
]
