from django.urls import path

from .views import AppNamePage, AppNameStream

urlpatterns = [
    path("app_name/", AppNamePage.as_view(), name="app_name"),
    path("api/app_name/stream/", AppNameStream.as_view(), name="app_name-stream"),
]
