"""The upload form: its checks and their messages."""

import csv
from codecs import getincrementaldecoder
from collections.abc import Iterable

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from .importing import REQUIRED, reader
from .models import Task

MAX_BYTES = 50 * 1024 * 1024
MAX_UNFINISHED = 5
"""Unfinished tasks of one user: the files of one user must not fill the disk and the queue."""


class ImportForm(forms.ModelForm):
    """A CSV file, checked before it is stored. The form's `instance` has the owner."""

    file = forms.FileField(
        label=_("File"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"empty": _("The file is empty.")},
    )

    class Meta:
        model = Task
        fields = ["file"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.max_bytes = getattr(settings, "TASKS_MAX_UPLOAD_BYTES", MAX_BYTES)
        help_text = _("A CSV file of at most %(size)s with the columns name and email.")
        self.fields["file"].help_text = help_text % {"size": filesizeformat(self.max_bytes)}

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if upload.size > self.max_bytes:
            sizes = {"size": filesizeformat(upload.size), "limit": filesizeformat(self.max_bytes)}
            raise forms.ValidationError(_("The file is %(size)s. The limit is %(limit)s.") % sizes)
        check_text(upload.chunks())
        check_columns(upload.file)
        self.instance.name = Truncator(upload.name).chars(200)
        self.instance.total = upload.size
        upload.seek(0)
        return upload

    def clean(self):
        if self.instance.owner.tasks.filter(state__in=Task.UNFINISHED).count() >= MAX_UNFINISHED:
            message = _("You have %(limit)s unfinished tasks, which is the limit. Try again when one is done.")
            raise forms.ValidationError(message % {"limit": MAX_UNFINISHED})


def check_text(chunks: Iterable[bytes]) -> None:
    """Raise `ValidationError` unless the chunks are UTF-8 text. PostgreSQL stores no NUL characters."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        if any("\0" in decoder.decode(chunk) for chunk in chunks):
            raise ValueError
        decoder.decode(b"", final=True)
    except ValueError:
        raise forms.ValidationError(_("The file is not UTF-8 text.")) from None


def check_columns(file) -> None:
    """Raise `ValidationError` unless the file has the columns and a row."""
    try:
        rows = reader(file)
        has_row = next(rows, None) is not None
    except csv.Error as error:
        raise forms.ValidationError(_("The file is not valid CSV: %s.") % error) from None
    names = rows.fieldnames or []
    if missing := [name for name in REQUIRED if name not in names]:
        found = Truncator(", ".join(names)).chars(200)
        message = _("The first line must name the columns. Missing: %(missing)s. Found: %(found)s.")
        raise forms.ValidationError(message % {"missing": ", ".join(missing), "found": found})
    if not has_row:
        raise forms.ValidationError(_("The file has no rows below the column names."))
