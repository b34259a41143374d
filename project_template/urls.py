"""The URLs of all pages. To remove an app, delete its line here and in the settings."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

from apps.operations.task_queue import TaskCollector
from apps.operations.uploads import permission
from apps.site import icons
from apps.sse.stats.prometheus import metrics

from .views import HeaderStream, HomeStream, home

handler500 = "apps.operations.unavailable.respond"
urlpatterns = [
    path("", home, name="home"),
    path("api/home/stream/", HomeStream.as_view(), name="home-stream"),
    path("api/header/stream/", HeaderStream.as_view(), name="header-stream"),
    path("api/upload-permission/", permission),
    path("favicon.svg", icons.svg),
    path("favicon.ico", icons.ico),
    path("social-card.png", icons.card, name="social-card"),
    path("robots.txt", icons.robots),
    path("", include("apps.sse.urls")),
    path("", include("apps.dashboard.urls")),
    path("", include("apps.feed.urls")),
    path("", include("apps.tasks.urls")),
    path("", include("apps.notifications.urls")),
    path("", include("apps.guide.urls")),
    path("accounts/", include("apps.accounts.urls")),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
    path("metrics/", metrics, {"collectors": [TaskCollector()]}, name="metrics"),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
