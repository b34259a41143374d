"""The forms to sign up with and to ask for a new password."""

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm, UserCreationForm
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .models import EMAIL_TAKEN, User
from .reset import send_link


class SignUpForm(UserCreationForm):
    """Asks for an email address too, without which a forgotten password could not be reset."""

    email = forms.EmailField(
        label=_("Email address"),
        max_length=254,
        help_text=_("For resetting your password, nothing else."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        help_texts = {"username": _("Letters, digits and @ . + - _ only.")}

    def clean_email(self) -> str:
        """Return the address as the user manager stores it; refuse one that somebody has."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(EMAIL_TAKEN, code="unique")
        return email


class ForgottenPasswordForm(PasswordResetForm):
    """Django's own form, which leaves the mail to a task."""

    def save(self, *, request: HttpRequest, use_https: bool = False, **options: object) -> None:
        """Enqueue the mail; its task looks up the account, so that no answer depends on whether there is one."""
        send_link.using(backend=settings.MAIL_TASKS).enqueue(
            self.cleaned_data["email"], get_current_site(request).domain, use_https, get_language()
        )
