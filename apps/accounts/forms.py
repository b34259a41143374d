"""The form to sign up with."""

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.utils.translation import gettext_lazy as _

from .models import EMAIL_TAKEN, User


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
