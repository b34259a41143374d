"""The upload form: its checks and their messages."""

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from . import life
from .contacts import Columns
from .models import Task
from .table import NotATable, Table, check_text

MOST_BYTES = 50 * 1024 * 1024


def most_bytes() -> int:
    """Return the maximum size of a file, in bytes."""
    return getattr(settings, "TASKS_MAX_UPLOAD_BYTES", MOST_BYTES)


class ImportForm(forms.ModelForm):
    """A file of contacts. It is checked once, in chunks, before it is stored."""

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
        self.fields["file"].help_text = _("A CSV file of at most %(size)s with the columns name and email.") % {
            "size": filesizeformat(most_bytes())
        }

    def clean_file(self):
        """Return the file; raises `ValidationError` with the reason if it cannot be imported."""
        upload = self.cleaned_data["file"]
        if upload.size > most_bytes():
            raise forms.ValidationError(
                _("The file is %(size)s. The limit is %(most)s.")
                % {"size": filesizeformat(upload.size), "most": filesizeformat(most_bytes())}
            )
        try:
            check_text(upload.chunks())
            check_columns(Table(upload.file))
        except NotATable as error:
            raise forms.ValidationError(str(error)) from None
        upload.seek(0)
        return upload

    def save_for(self, owner) -> Task:
        """Return a task of this user that is ready to start."""
        upload = self.cleaned_data["file"]
        self.instance.owner = owner
        self.instance.kind = Task.Kind.IMPORT
        self.instance.name = Truncator(upload.name).chars(200)
        self.instance.total = upload.size
        return life.prepare(self.save(commit=False))


def check_columns(table: Table) -> None:
    """Raise `NotATable` unless each column exists once and there is at least one row."""
    columns = Columns(table.header)
    if columns.missing:
        found = Truncator(", ".join(name.strip() for name in table.header)).chars(200)
        raise NotATable(
            _("The first line must name the columns. Missing: %(missing)s. Found: %(found)s.")
            % {"missing": ", ".join(columns.missing), "found": found}
        )
    if columns.repeated:
        raise NotATable(_("There are several columns named %(name)s.") % {"name": ", ".join(columns.repeated)})
    if next(table, None) is None:
        raise NotATable(_("The file has no rows below the column names."))
