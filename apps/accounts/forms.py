"""The forms to log in and of the profile."""

from allauth.account import forms
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.validators import FileExtensionValidator
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ClearableFileInput, FileField, ModelForm, Select
from django.utils.translation import gettext_lazy as _

from . import pictures
from .models import DEMO_PASSWORD, User


class LoginForm(forms.LoginForm):
    """allauth's form, which in development offers the demo accounts."""

    demo_password = DEMO_PASSWORD

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or email")

    def user_credentials(self) -> dict:
        """Return an address as a name only: as both, its password would be checked twice, if it has an account."""
        return {"username": self.cleaned_data["login"], "password": self.cleaned_data["password"]}

    def demo_accounts(self) -> QuerySet:
        """Return the accounts with a demo password; they work with `DEBUG` only."""
        return User.demo_accounts().order_by("pk") if settings.DEBUG else User.objects.none()


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
