"""The admin's page of open streams in all processes, and the stream that keeps it up to date."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from .access.revocation import close_streams, close_view
from .models import OpenStream, Process
from .stats import processes
from .stream.shared import shared
from .views import SSEView


class Row(NamedTuple):
    """
    The open streams of a view, a user or a process; `number` is None if the process is silent.

    `key` is what `end` takes, `views` are the numbers by view.
    """

    name: str
    number: int | None
    code: str = ""
    key: str = ""
    views: Sequence[tuple[str, int]] = ()
    silent_seconds: int = 0


class Streams:
    """The open streams of all processes. `others` counts the streams of users that have no row."""

    def __init__(self, rows: list[Process]) -> None:
        self.processes = [
            Row(
                f"{row.host} {row.pid}",
                None if processes.is_silent(row) else sum(row.data["streams"]["views"].values()),
                code=str(row.pk),
                silent_seconds=round(row.age.total_seconds()),
            )
            for row in rows
        ]
        reported = [row.data["streams"] for row in rows if not processes.is_silent(row)]
        views: Counter[str] = Counter()
        users: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for streams in reported:
            views.update(streams["views"])
            for view, numbers in streams["users"].items():
                for pk, number in numbers.items():
                    users[pk][view] += number
        self.views = views.most_common()
        self.total = views.total()
        self.guests = self.total - sum(streams["signed_in"] for streams in reported)
        names = usernames(users)
        found = [Row(names.get(pk, pk), by.total(), key=pk, views=by.most_common()) for pk, by in users.items()]
        self.users = sorted(found, key=lambda row: (-users[row.key].total(), row.name))
        self.others = self.total - self.guests - sum(by.total() for by in users.values())

    def tables(self) -> list[tuple[str, str, str, list[Row]]]:
        """Return the tables of the page: caption, heading of the names, field of the forms, and rows."""
        others = [Row(_("Users with fewer streams"), self.others)] if self.others else []
        return [
            (_("By view"), _("View"), "view", [Row("", number, view, view) for view, number in self.views]),
            (_("By user"), _("User"), "user", self.users + others),
            (_("By process"), _("Host, process id and the metrics' label"), "", self.processes),
        ]


def usernames(pks: Any) -> dict[str, str]:
    """Return the usernames of the users that exist, by primary key as text."""
    found = get_user_model()._default_manager.in_bulk([*pks])
    return {str(pk): user.get_username() for pk, user in found.items()}


@admin.register(OpenStream)
class OpenStreamAdmin(admin.ModelAdmin):
    """Staff with the permission `view_openstream` see the page; with `end_openstream` they can end streams."""

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(require_safe(self.page)), name="sse_openstream_changelist"),
            path("end/", wrap(require_POST(self.end)), name="sse_openstream_end"),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_add_permission = has_change_permission = has_delete_permission

    def page(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Open streams"),
            "opts": self.opts,
            "streams": Streams(processes.rows()),
        }
        return TemplateResponse(request, "admin/sse/openstream/streams.html", context)

    def end(self, request: HttpRequest) -> HttpResponse:
        """End the streams of a `user` (a primary key) or of a `view`."""
        if not request.user.has_perm("sse.end_openstream"):  # type: ignore[union-attr]
            raise PermissionDenied
        view, pk = request.POST.get("view", ""), request.POST.get("user", "")
        if view:
            close_view(view)
        else:
            try:
                close_streams(user=get_user_model()._meta.pk.to_python(pk))  # type: ignore[union-attr]
            except ValidationError:
                raise BadRequest("Send a view's name or a user's primary key.") from None
        whose = view or usernames([pk]).get(pk, pk)
        self.log_deletions(request, [OpenStream(name=whose)])  # type: ignore[arg-type]
        text = _("Streams of “%(whose)s” ended. Pages that still have access reconnect within seconds.")
        messages.success(request, text % {"whose": whose})
        return redirect(f"{self.admin_site.name}:sse_openstream_changelist")


@shared
async def reported_streams() -> AsyncGenerator[list[Any]]:
    while True:
        rows = await sync_to_async(processes.rows)()
        yield [(row.pk, processes.is_silent(row), row.data["streams"]) for row in rows]
        await asyncio.sleep(processes.EVERY_SECONDS)


class OpenStreamsStream(SSEView):
    """An event, `changed`, whenever the page has to load itself again."""

    def mount(self, request, last_event_id):
        if not (request.user.is_staff and request.user.has_perm("sse.view_openstream")):
            raise PermissionDenied

    async def stream(self, request):
        before = None
        async for now in reported_streams():
            if now != before:
                yield self.event("changed", None)
            before = now
