"""The forms to sign up with and to ask for a new password."""

import logging

from django import forms
from django.contrib.auth.forms import PasswordResetForm, UserCreationForm
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from .mail import MailWithLinks
from .models import EMAIL_TAKEN, User

log = logging.getLogger(__name__)


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
    """Django's own form, whose mail has a link that can be copied from the console."""

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict,
        from_email: str | None,
        to_email: str,
        html_email_template_name: None = None,
    ) -> None:
        """Send the mail as plain text; log a failure, since the answer must not tell who has an account."""
        subject = "".join(render_to_string(subject_template_name, context).splitlines())
        body = render_to_string(email_template_name, context)
        try:
            MailWithLinks(subject, body, from_email, [to_email]).send()
        except Exception:
            log.exception("The mail to reset the password of user %s was not sent", context["user"].pk)
