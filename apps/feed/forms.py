from django import forms
from django.utils.translation import gettext_lazy as _

from . import images
from .models import Post


class PostImageField(forms.ImageField):
    """An image of a size that this server is willing to look at."""

    def to_python(self, data):
        if data and data.size:
            images.check(data)
        return super().to_python(data)


class PostForm(forms.ModelForm):
    image = PostImageField(label=_("Image"), required=False)

    class Meta:
        model = Post
        fields = ["text", "link", "image"]
        widgets = {
            "text": forms.Textarea({"rows": 3, "placeholder": _("What is new?")}),
            "link": forms.URLInput({"placeholder": "https://"}),
        }

    def save(self, commit=True):
        """Save the post, its new picture, if there is one, in two sizes."""
        if "image" in self.changed_data:
            upload = self.cleaned_data["image"]
            self.instance.image, self.instance.thumbnail = images.sizes(upload) if upload else ("", "")
        return super().save(commit)
