"""A page of the admin: who has streams open, in all processes. It updates itself while it is open."""

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
    """The streams of one user: how many, and of which views."""

    pk: str
    name: str
    number: int
    views: list[tuple[str, int]]


class ProcessRow(NamedTuple):
    """A process and its number of streams, or None and how many seconds ago it wrote its row last."""

    process: Process
    number: int | None
    silent_for: int


class Streams:
    """The open streams of all processes, summed up."""

    def __init__(self, rows: list[Process]) -> None:
        self.processes = [_process_row(row) for row in rows]
        told = [row.data["streams"] for row in rows if not processes.is_silent(row)]
        views: Counter[str] = Counter()
        users: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for streams in told:
            views.update(streams["views"])
            for view, numbers in streams["users"].items():
                for pk, number in numbers.items():
                    users[pk][view] += number
        self.views = views.most_common()
        self.total = views.total()
        self.guests = self.total - sum(streams["signed_in"] for streams in told)
        names = names_of(users)
        found = [UserRow(pk, names.get(pk, pk), of.total(), of.most_common()) for pk, of in users.items()]
        self.users = sorted(found, key=lambda row: (-row.number, row.name))
        self.further = self.total - self.guests - sum(row.number for row in found)


def _process_row(row: Process) -> ProcessRow:
    if processes.is_silent(row):
        return ProcessRow(row, None, round(row.age.total_seconds()))
    return ProcessRow(row, sum(row.data["streams"]["views"].values()), 0)


def names_of(pks: Any) -> dict[str, str]:
    """Return the names of those of some users that there are, by primary keys as text."""
    found = get_user_model()._default_manager.in_bulk([*pks])
    return {str(pk): user.get_username() for pk, user in found.items()}


@admin.register(OpenStream)
class OpenStreamAdmin(admin.ModelAdmin):
    """Staff that may view open streams see them, and staff that may end them have buttons for that."""

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
        """Say whether someone may end other people's streams."""
        return request.user.has_perm("sse.end_openstream")  # type: ignore[union-attr]

    def page(self, request: HttpRequest) -> HttpResponse:
        """Show who has streams open."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = {"streams": Streams(processes.rows()), "may_end": self.has_end_permission(request)}
        return self._render(request, "streams", _("Open streams"), **shown)

    def end(self, request: HttpRequest) -> HttpResponse:
        """End the streams of a `user`, by primary key, or those of a `view` once that is confirmed."""
        if not self.has_end_permission(request):
            raise PermissionDenied
        view, pk = request.POST.get("view", ""), request.POST.get("user", "")
        if view and "confirmed" not in request.POST:
            return self._render(request, "end", _("Are you sure?"), view=view, count=request.POST.get("count", ""))
        if view:
            close_view(view)
        else:
            close_streams(user=existing_pk(pk))
        self._report(request, view or names_of([pk]).get(pk, pk))
        return redirect(f"{self.admin_site.name}:sse_openstream_changelist")

    def _report(self, request: HttpRequest, whose: str) -> None:
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
        shown = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/sse/openstream/{name}.html", shown)


def existing_pk(pk: str) -> Any:
    """Return the primary key that a form has sent; raises `BadRequest` if it cannot be one."""
    try:
        return get_user_model()._meta.pk.to_python(pk)  # type: ignore[union-attr]
    except ValidationError:
        raise BadRequest("Send a view's name or a user's primary key.") from None
