"""The admin's page of open streams in all processes; `admin_stream` keeps it up to date."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
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


class UserRow(NamedTuple):
    """A user's number of open streams, in all and by view."""

    name: str
    pk: str
    number: int
    views: list[tuple[str, int]]


class Streams:
    """The open streams of all processes. `others` counts the streams of users that have no row."""

    def __init__(self, rows: list[Process]) -> None:
        self.processes = [(row, self._number(row), round(row.age.total_seconds())) for row in rows]
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
        found = [UserRow(names.get(pk, pk), pk, by.total(), by.most_common()) for pk, by in users.items()]
        self.users = sorted(found, key=lambda row: (-row.number, row.name))
        self.others = self.total - self.guests - sum(row.number for row in found)

    def _number(self, row: Process) -> int | None:
        return None if processes.is_silent(row) else sum(row.data["streams"]["views"].values())


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

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may end streams."""
        return request.user.has_perm("sse.end_openstream")  # type: ignore[union-attr]

    def page(self, request: HttpRequest) -> HttpResponse:
        """Show the open streams."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"streams": Streams(processes.rows()), "may_end": self.has_end_permission(request)}
        return self._render(request, "streams", _("Open streams"), **context)

    def end(self, request: HttpRequest) -> HttpResponse:
        """End the streams of a `user` (a primary key), or, after a confirmation, those of a `view`."""
        if not self.has_end_permission(request):
            raise PermissionDenied
        view, pk = request.POST.get("view", ""), request.POST.get("user", "")
        if view and "confirmed" not in request.POST:
            return self._render(request, "end", _("Are you sure?"), view=view, count=request.POST.get("count", ""))
        if view:
            close_view(view)
        else:
            close_streams(user=_user_pk(pk))
        self._log(request, view or usernames([pk]).get(pk, pk))
        return redirect(f"{self.admin_site.name}:sse_openstream_changelist")

    def _log(self, request: HttpRequest, whose: str) -> None:
        text = _("Streams of “%(whose)s” ended. Pages that still have access reconnect within seconds.")
        messages.success(request, text % {"whose": whose})
        LogEntry.objects.create(
            user=request.user,
            content_type=ContentType.objects.get_for_model(OpenStream, for_concrete_model=False),
            object_repr=whose[:200],
            action_flag=DELETION,
            change_message=_("Ended open streams."),
        )

    def _render(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/sse/openstream/{name}.html", context)


def _user_pk(pk: str) -> Any:
    try:
        return get_user_model()._meta.pk.to_python(pk)  # type: ignore[union-attr]
    except ValidationError:
        raise BadRequest("Send a view's name or a user's primary key.") from None
