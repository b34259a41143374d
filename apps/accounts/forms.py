"""The forms to sign up and to request a new password."""

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm, UserCreationForm
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .models import EMAIL_TAKEN, User
from .reset import send_link


class SignUpForm(UserCreationForm):
    """Django's form with an email address, which a password reset needs."""

    email = forms.EmailField(
        label=_("Email address"),
        max_length=254,
        help_text=_("Used only to reset your password."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        help_texts = {"username": _("Letters, digits and @ . + - _ only.")}

    def clean_email(self) -> str:
        """Return the address as the user manager stores it; refuse one that is in use."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(EMAIL_TAKEN, code="unique")
        return email


class ForgottenPasswordForm(PasswordResetForm):
    """Django's form, with the mail sent by a task."""

    def save(self, *args, request=None, use_https=False, **options) -> None:
        """Enqueue the mail. The task looks up the account, so that the response does not depend on it."""
        send_link.using(backend=settings.MAIL_TASKS).enqueue(
            self.cleaned_data["email"], host_of_links(request), use_https, get_language()
        )


def host_of_links(request: HttpRequest) -> str:
    """Return `SITE_HOST`, or the requested host if it is not set; in production without the port."""
    if settings.SITE_HOST or settings.DEBUG:
        return settings.SITE_HOST or request.get_host()
    return split_domain_port(request.get_host())[0]
