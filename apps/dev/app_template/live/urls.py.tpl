from django.urls import path

from . import items, views

urlpatterns = [
    path("app_name/", views.AppNamePage.as_view(), name="app_name"),
    path("app_name/<int:pk>/finish/", views.change, {"act": items.finish}, name="app_name-finish"),
    path("app_name/<int:pk>/remove/", views.change, {"act": items.remove}, name="app_name-remove"),
    path("api/app_name/stream/", views.AppNameStream.as_view(), name="app_name-stream"),
]
