from django.conf import settings
from django.urls import path, re_path

from .views import EditView, FeedStream, FeedView, PostView, RemoveView, picture

MEDIA = settings.MEDIA_URL.lstrip("/")

urlpatterns = [
    path("feed/", FeedView.as_view(), name="feed"),
    path("feed/<int:pk>/", PostView.as_view(), name="feed-post"),
    path("feed/<int:pk>/edit/", EditView.as_view(), name="feed-edit"),
    path("feed/<int:pk>/delete/", RemoveView.as_view(), name="feed-remove"),
    path("api/feed/stream/", FeedStream.as_view(), name="feed-stream"),
    re_path(f"^{MEDIA}(?P<name>feed/.+)$", picture, name="feed-picture"),
]
