"""The forms to log in, to sign up, and of the profile."""

from allauth.account import forms
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.validators import FileExtensionValidator
from django.db import transaction
from django.forms import ClearableFileInput, FileField, ModelForm, Select
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import pictures
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


class PictureInput(ClearableFileInput):
    """Shows the picture, with a box to remove it and a field to replace it."""

    template_name = "account/profile.html#picture_input"


class ProfileForm(ModelForm):
    # No ImageField: it would open a file of any format.
    picture = FileField(
        label=_("Picture"),
        required=False,
        widget=PictureInput({"accept": "image/*"}),
        validators=[FileExtensionValidator(pictures.EXTENSIONS)],
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "picture", "language", "time_zone")
        widgets = {"time_zone": Select({"translate": "no"})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.earlier = self.instance.picture.name
        if len(settings.LANGUAGES) < 2:
            del self.fields["language"]

    def clean_picture(self):
        """Return a new picture as a small square."""
        upload = self.cleaned_data["picture"]
        return pictures.shrink(upload) if upload and "picture" in self.changed_data else upload

    def save(self, commit: bool = True) -> User:
        """Save, and delete the earlier picture once that is certain."""
        user = super().save(commit)
        if self.earlier and user.picture.name != self.earlier:
            transaction.on_commit(lambda: default_storage.delete(self.earlier))
        return user
