from django import forms
from django.utils.translation import gettext_lazy as _

from . import images
from .models import Post


class PictureField(forms.ImageField):
    """An image of those formats and sizes that `images` decodes; Django would open any."""

    def to_python(self, data):
        return forms.FileField.to_python(self, data)


class PostForm(forms.ModelForm):
    image = PictureField(label=_("Image"), required=False)

    class Meta:
        model = Post
        fields = ["text", "link", "image"]
        widgets = {
            "text": forms.Textarea({"rows": 3, "placeholder": _("What is new?")}),
            "link": forms.URLInput({"placeholder": "https://"}),
        }

    def clean_image(self):
        """Decode a new picture here, where an error is shown beside the field."""
        upload = self.cleaned_data["image"]
        if "image" in self.changed_data:
            self.pictures = images.sizes(upload) if upload else ("", "")
        return upload

    def save(self, commit=True):
        """Save the post, its new picture, if there is one, in two sizes."""
        if "image" in self.changed_data:
            self.instance.image, self.instance.thumbnail = self.pictures
        return super().save(commit)
