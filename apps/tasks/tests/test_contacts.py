import pytest

from apps.tasks.contacts import COLUMNS, BadRow, Columns, cell, clean

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
        (["Ada", "ada@example.com", ""], "It has 3 fields, and the header has 4."),
        (["", "ada@example.com", "", ""], "The name is missing."),
        (["Ada", " ", "", ""], "The email is missing."),
        (["Ada", "ada at example", "", ""], "The email address is not valid."),
        (["x" * 201, "ada@example.com", "", ""], "The name has 201 characters; 200 are possible."),
        (["A\0da", "ada@example.com", "", ""], "The name has a control character in it."),
        (["Ada", "ada@example.com", "\x1b[2J", ""], "The phone has a control character in it."),
    ],
)
def test_a_bad_row_is_told_why(fields, reason):
    with pytest.raises(BadRow) as refused:
        columns.contact(fields)
    assert str(refused.value) == reason


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202egnp.exe", "Zoë 日本 👩‍🚀"])
def test_text_of_any_kind_is_text(text):
    assert clean("company", text) == text


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "+1+cmd", "'=1", "''@x"])
def test_no_cell_is_a_formula_and_all_are_read_back(text):
    assert cell(text).startswith("'")
    assert clean("company", cell(text)) == text


@pytest.mark.parametrize("text", ["+49 30 1000001", "-5", "", "O'Brien", "'quoted'", "a=b"])
def test_what_is_no_formula_is_written_as_it_is(text):
    assert cell(text) == text == clean("phone", text)


def test_every_column_is_a_field_with_a_length():
    assert all(clean(name, "x" * 30) for name in COLUMNS)
