"""The upload form: its checks and their messages."""

from django import forms
from django.conf import settings
from django.core.files import File
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from apps.operations.spreadsheets import Rows, UnreadableFileError, normalise

from .importing import REQUIRED
from .models import Task

MAX_BYTES = 50 * 1024 * 1024
MAX_STORED_BYTES = 200 * 1024 * 1024
"""Stored files of one user."""
MAX_STORED_BYTES_IN_ALL = 5 * 1024 * 1024 * 1024
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

    encoding = forms.ChoiceField(
        label=_("Encoding"),
        required=False,
        choices=[
            ("", _("Recognise: UTF-8, UTF-16 with a mark")),
            ("cp1252", _("Windows-1252 (Western European)")),
            ("utf-16-le", _("UTF-16")),
        ],
    )
    field_order = ["encoding", "file"]

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
        try:
            file = normalise(upload.file, self.cleaned_data.get("encoding", ""))
            check_columns(Rows(file))
        except UnreadableFileError as error:
            raise forms.ValidationError(str(error)) from None
        self.instance.name = Truncator(upload.name).chars(200)
        file.seek(0)
        normalised = File(file, upload.name)
        self.instance.total = normalised.size = file.seek(0, 2)
        file.seek(0)
        return normalised

    def clean(self):
        if self.instance.owner.tasks.filter(state__in=Task.UNFINISHED).count() >= MAX_UNFINISHED:
            message = _("You have %(limit)s unfinished tasks, which is the limit. Try again when one is done.")
            raise forms.ValidationError(message % {"limit": MAX_UNFINISHED})
        self.check_quota()

    def check_quota(self):
        """Raise `ValidationError` if the files of the user, or of all users, would take too much space."""
        mine = getattr(settings, "TASKS_MAX_STORED_BYTES", MAX_STORED_BYTES)
        limit = getattr(settings, "TASKS_MAX_STORED_BYTES_IN_ALL", MAX_STORED_BYTES_IN_ALL)
        stored = Task.objects.exclude(file="")
        if self.instance.total + stored_bytes(stored.filter(owner=self.instance.owner)) > mine:
            message = _("Your files would take more than %(limit)s. Delete a stopped task or wait for one to end.")
            raise forms.ValidationError(message % {"limit": filesizeformat(mine)})
        if self.instance.total + stored_bytes(stored) > limit:
            raise forms.ValidationError(_("The site has no room for more files now. Try again later."))


def stored_bytes(tasks) -> int:
    return tasks.aggregate(Sum("total"))["total__sum"] or 0


def check_columns(rows: Rows) -> None:
    """Raise `ValidationError` unless the file has the columns and a row."""
    names = rows.columns
    if missing := [name for name in REQUIRED if name not in names]:
        found = Truncator(", ".join(names)).chars(200)
        message = _("The first line must name the columns. Missing: %(missing)s. Found: %(found)s.")
        raise forms.ValidationError(message % {"missing": ", ".join(missing), "found": found})
    if next(iter(rows), None) is None:
        raise forms.ValidationError(_("The file has no rows below the column names."))
