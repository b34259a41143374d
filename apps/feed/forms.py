from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.sse import retry_after

from . import images
from .models import Post


class PictureInput(forms.ClearableFileInput):
    """Shows the picture that a post has, with a box to remove it and a field to replace it."""

    template_name = "feed/_picture_input.html"


class PictureField(forms.ImageField):
    """An image of those formats and sizes that `images` decodes; Django would open any."""

    widget = PictureInput

    def to_python(self, data):
        return forms.FileField.to_python(self, data)


class PostForm(forms.ModelForm):
    """A post, for which the rate of `user` counts, if given; `seconds` is how long that user has to wait."""

    image = PictureField(label=_("Picture"), required=False)

    class Meta:
        model = Post
        fields = ["text", "link", "image"]
        widgets = {
            "text": forms.Textarea({"rows": 1, "placeholder": _("What is new?")}),
            "link": forms.URLInput({"placeholder": "https://"}),
        }

    def __init__(self, *args, user=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.seconds = user, 0

    def clean(self):
        """Check the rate, then decode a new picture, which is the expensive part."""
        super().clean()
        self.seconds = retry_after(self.user) if self.user else 0
        if self.seconds:
            raise ValidationError(
                ngettext(
                    "You post too often. Your text is still here: post it in one second.",
                    "You post too often. Your text is still here: post it in %(seconds)s seconds.",
                    self.seconds,
                ),
                params={"seconds": self.seconds},
            )
        if "image" in self.cleaned_data and "image" in self.changed_data:
            self._decode(self.cleaned_data["image"])

    def _decode(self, upload):
        try:
            self.pictures = images.sizes(upload) if upload else ("", "")
        except ValidationError as error:
            self.add_error("image", error)

    def save(self, commit=True):
        """Save the post, its new picture, if there is one, in two sizes."""
        if "image" in self.changed_data:
            self.instance.image, self.instance.thumbnail = self.pictures
        return super().save(commit)
