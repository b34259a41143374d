from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.sse import retry_after

from . import images
from .models import Post


class PictureInput(forms.ClearableFileInput):
    """Shows the picture that a post has, with a box to remove it and a field to replace it."""

    template_name = "feed/post.html#picture_input"


class PostForm(forms.ModelForm):
    """The form of a post. With `user`, the rate limit applies, and `seconds` is how long the user has to wait."""

    # No ImageField: it would open a file of any format, and before the rate is checked.
    image = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=PictureInput({"accept": "image/*"}),
        validators=[FileExtensionValidator(images.EXTENSIONS)],
    )

    class Meta:
        model = Post
        fields = ["text", "link", "image"]
        widgets = {
            "text": forms.Textarea({"rows": 1, "dir": "auto", "placeholder": _("What is new?")}),
            "link": forms.URLInput({"dir": "ltr", "translate": "no", "placeholder": "https://"}),
        }

    def __init__(self, *args, user=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.seconds = user, 0

    def clean(self):
        """Check the rate first, since decoding a new picture is expensive."""
        super().clean()
        self.seconds = retry_after(self.user) if self.user else 0
        if self.seconds:
            text = ngettext(
                "You post too often. Your text is still here: post it in one second.",
                "You post too often. Your text is still here: post it in %(seconds)s seconds.",
                self.seconds,
            )
            raise ValidationError(text, params={"seconds": self.seconds})
        if "image" in self.cleaned_data and "image" in self.changed_data:
            self.decode(self.cleaned_data["image"])

    def decode(self, upload):
        """Set `pictures` to both sizes of a new picture, or to empty names if the picture is removed."""
        try:
            self.pictures = images.resize(upload) if upload else ("", "")
        except ValidationError as error:
            self.add_error("image", error)

    def save(self, commit=True):
        if "image" in self.changed_data:
            self.instance.image, self.instance.thumbnail = self.pictures
        return super().save(commit)
