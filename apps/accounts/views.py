"""The profile: a person's name, picture, language and time zone, their data, and the end of the account."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.generic import UpdateView

from apps.sse import publish_html

from .export import owned_by
from .forms import ProfileForm
from .models import PICTURES, User


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
