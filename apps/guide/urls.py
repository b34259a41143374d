from collections.abc import Callable

from django.urls import path
from django.utils.module_loading import import_string

from . import views
from .access import readers_only, stream_for_readers
from .examples import channel, client, latest, live_list, notifications, page_changes
from .pages import FIRST, PAGES

STREAMS = {
    **{page.name: import_string(f"apps.guide.examples.{page.view}") for page in PAGES.values() if page.view},
    "redirect": page_changes.Redirect,
    "reload": page_changes.Reload,
    "states": client.States,
}

ACTIONS: list[tuple[str, str, Callable, dict]] = [
    ("channel/publish/", "guide-publish-line", channel.publish_line, {}),
    ("latest/switch/", "guide-switch", latest.switch, {}),
    ("notifications/remind/", "guide-remind", notifications.remind, {}),
    ("notifications/<int:number>/read/", "guide-mark-read", notifications.mark_read, {}),
    ("live-list/place/", "guide-order-place", live_list.change, {"action": live_list.place}),
    ("live-list/both/", "guide-order-both", live_list.change, {"action": live_list.place_and_ship}),
    ("live-list/<int:pk>/ship/", "guide-order-ship", live_list.change, {"action": live_list.ship}),
    ("live-list/<int:pk>/remove/", "guide-order-remove", live_list.change, {"action": live_list.remove}),
]

urlpatterns = [
    path("guide/", views.GuideView.as_view(), {"name": FIRST}, name="guide"),
    path("guide/<slug:name>/", views.GuidePage.as_view(), name="guide-page"),
    *[path(f"api/guide/{route}", readers_only(view), kwargs, name) for route, name, view, kwargs in ACTIONS],
    *[
        path(f"api/guide/{name}/stream/", stream_for_readers(view).as_view(), name=f"guide-{name}")
        for name, view in STREAMS.items()
    ],
]
