"""The profile: a person's name, picture, language and time zone, their data, the end of the account; its mails."""

from pathlib import Path
from typing import Any

import allauth
from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core import serializers
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import CASCADE, Model, ProtectedError, RestrictedError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csp import csp_override
from django.views.generic import UpdateView

from apps.sse import publish_html

from .forms import ProfileForm
from .models import PICTURES, User

# Of each model, the newest.
MAX_EXPORTED = 10_000
# Not exported: with these the file could be used to log in.
SECRETS = {"accounts.user.password", "mfa.authenticator.data", "usersessions.usersession.session_key"}


class ProfileView(LoginRequiredMixin, SuccessMessageMixin, UpdateView):
    """The form. A new name or picture appears in the header of all open pages of this person."""

    form_class = ProfileForm
    template_name = "account/profile.html"
    success_url = reverse_lazy("account_profile")
    success_message = _("Profile saved.")

    def get_object(self, queryset=None) -> User:
        # Not the user of the request: the header would show a name that was refused.
        return User.objects.get(pk=self.request.user.pk)

    @transaction.atomic
    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        html = render_to_string("base.html#account_name", {"user": self.object})
        publish_html(f"account:{self.object.pk}", "#account-name", html)
        return response


@login_required
def picture(request: HttpRequest, name: str) -> FileResponse:
    """Send the picture of a person to users."""
    try:
        file = default_storage.open(f"{PICTURES}{name}")
    except FileNotFoundError:
        raise Http404 from None
    # A new picture has a new name.
    return FileResponse(file, headers={"Cache-Control": "private, max-age=31536000, immutable"})


@login_required
def export(request) -> JsonResponse:
    """Download what the account owns."""
    headers = {"Content-Disposition": f'attachment; filename="{request.user.get_username()}.json"'}
    return JsonResponse(owned_by(request.user), headers=headers, json_dumps_params={"indent": 1})


def owned_by(user: Model) -> dict[str, Any]:
    """Return the account and, by model, its rows; `incomplete` names the models with more than `MAX_EXPORTED`."""
    found: dict[str, Any] = {"account": fields_of([user])[0], "incomplete": []}
    for relation in user._meta.related_objects:
        if getattr(relation, "on_delete", None) is not CASCADE:
            continue
        model, owner = relation.related_model, relation.field.name
        rows = [*model._base_manager.filter(**{owner: user}).order_by("-pk")[: MAX_EXPORTED + 1]]
        if len(rows) > MAX_EXPORTED:
            found["incomplete"].append(model._meta.label_lower)
        found.setdefault(model._meta.label_lower, []).extend(fields_of(rows[:MAX_EXPORTED]))
    return {name: rows for name, rows in found.items() if rows}


def fields_of(rows: list) -> list[dict[str, Any]]:
    found = []
    for row in serializers.serialize("python", rows):
        fields = {name: value for name, value in row["fields"].items() if f"{row['model']}.{name}" not in SECRETS}
        found.append({"pk": row["pk"]} | fields)
    return found


@login_required
@reauthentication_required(app="apps.accounts")
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the account after its person has just logged in again."""
    if request.method != "POST":
        return render(request, "account/delete.html")
    user = User.objects.get(pk=request.user.pk)
    try:
        user.delete()
    except (ProtectedError, RestrictedError):
        messages.error(request, _("Other data needs this account. Ask the staff of this site to delete it."))
        return redirect("account_profile")
    logout(request)
    messages.success(request, _("Your account is deleted."))
    return redirect("home")


@csp_override({})
def mails(request: HttpRequest) -> HttpResponse:
    """Show the mails of accounts with sample data, in development."""
    if not settings.DEBUG:
        raise Http404
    page, user = request.build_absolute_uri("/"), User(username="ada", email="ada@example.com")
    sample = {"user": user, "code": "ABCD-EFGH", "current_site": {"name": settings.SITE_NAME, "domain": page}}
    sample |= {"timestamp": timezone.now(), "ip": "192.0.2.1", "user_agent": request.headers.get("User-Agent")}
    sample |= dict.fromkeys(("password_reset_url", "signup_url"), page)
    sample |= dict.fromkeys(("email", "from_email", "to_email", "deleted_email"), user.email)
    found = sorted(Path(allauth.__file__).parent.glob("templates/[am]*/email/*_subject.txt"))
    names = ["/".join(path.parts[-3:]).removesuffix("_subject.txt") for path in found]
    every = [get_adapter().render_mail(name, user.email, sample) for name in names]
    context = {"mails": every, "site": settings, "address": page, "is_preview": True}
    return render(request, "account/mail.html", context)
