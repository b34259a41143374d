import csv
import io

import pytest

from apps.tasks.contacts import COLUMNS, BadRow, Columns, cell, clean
from apps.tasks.exporting import as_csv

columns = Columns(["Name", " EMAIL ", "phone", "shoe size"])


def test_columns_are_known_by_their_names_in_any_order_and_case():
    assert (columns.missing, columns.unused, columns.repeated) == ([], ["shoe size"], [])
    contact = columns.contact([" Ada  Lovelace ", "ADA@Example.com", "", "38"])
    assert (contact.name, contact.email, contact.company) == ("Ada Lovelace", "ada@example.com", "")


def test_columns_that_are_missing_or_there_twice_are_told():
    found = Columns(["email", "phone", "Email"])
    assert (found.missing, found.repeated) == (["name"], ["email"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["Ada", "ada@example.com", ""], "The row has 3 fields, but the header has 4."),
        (["", "ada@example.com", "", ""], "The name is missing."),
        (["Ada", " ", "", ""], "The email is missing."),
        (["Ada", "ada at example", "", ""], "The email address is not valid."),
        (["x" * 201, "ada@example.com", "", ""], "The name has 201 characters. The limit is 200."),
        (["A\0da", "ada@example.com", "", ""], "The name contains a control character."),
        (["Ada", "ada@example.com", "\x1b[2J", ""], "The phone contains a control character."),
    ],
)
def test_a_bad_row_is_told_why(fields, reason):
    with pytest.raises(BadRow) as refused:
        columns.contact(fields)
    assert str(refused.value) == reason


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202egnp.exe", "Zoë 日本 👩‍🚀"])
def test_text_of_any_kind_is_text(text):
    assert clean("company", text) == text


PAYLOAD = "=cmd|' /C calc'!A0"
FORMULAS = [
    *("=1+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "+1+cmd", "'=1", "''@x", PAYLOAD, f'"{PAYLOAD}'),
    *(f"x{separator}{PAYLOAD}" for separator in (";", ",", "|", "; ", ";'", ';"', "; \u200b", ";;")),
    *("\uff1d1+1", "\uff0b1+cmd", "\uff0dx", "\uff20SUM(A1)", "x;\uff1d1+1", "\ufe661+1", "\u200b=1", "\ufeff=1"),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_and_all_are_read_back(text):
    assert "'" in cell(text)
    assert clean("company", cell(text)) == text


@pytest.mark.parametrize(
    "text", [*FORMULAS, "\t=1", " =1", "\r=1", "\n=1", "x\t=1", "\xa0=1", "\x0b=1", "\x00=1", "\t\uff1d1"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_whatever_a_spreadsheet_separates_cells_by_none_is_a_formula(separator, text):
    file = as_csv([["Ada", cell(text), "Berlin"], [cell(text), "Grace"]]).decode()
    apart = [part for line in file.split("\n") for part in line.split(separator)]
    read = [part for row in csv.reader(io.StringIO(file, newline=""), delimiter=separator) for part in row]
    begin = [part.strip(' \t\r\n"\0\x0b\xa0\u200b\ufeff')[:1] for part in apart + read]
    assert not {*begin} & {*"=+-@\uff1d\uff0b\uff0d\uff20\ufe66"}


@pytest.mark.parametrize(
    "text", ["+49 30 1000001", "-5", "", "O'Brien", "'quoted'", "a=b", "A - B", "Meyer; +49 30 1"]
)
def test_what_is_no_formula_is_written_as_it_is(text):
    assert cell(text) == text == clean("phone", text)


def test_every_column_is_a_field_with_a_length():
    assert all(clean(name, "x" * 30) for name in COLUMNS)
