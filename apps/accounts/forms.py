"""The forms to log in and to sign up."""

from allauth.account import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .hashers import DEMO_PASSWORD
from .models import User


class LoginForm(forms.LoginForm):
    """allauth's form, which in development offers the demo accounts."""

    demo_password = DEMO_PASSWORD

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or email")

    def demo_accounts(self) -> list[str]:
        """Return the names of the accounts with a demo password; they work with `DEBUG` only."""
        accounts = User.demo_accounts().order_by("pk") if settings.DEBUG else User.objects.none()
        return [*accounts.values_list("username", flat=True)]


class SignupForm(forms.SignupForm):
    """allauth's form, which takes as long for an address that has an account already."""

    def try_save(self, request: HttpRequest) -> tuple:
        if self.account_already_exists:
            User().set_password(self.cleaned_data["password1"])
        return super().try_save(request)
