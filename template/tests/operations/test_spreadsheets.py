"""CSV files as spreadsheets write them: encodings, line ends, headers, and rows that cannot be read."""

import io
import tracemalloc

import pytest

from apps.operations.spreadsheets import Rows, UnknownEncodingError, UnreadableFileError, normalise, safe

TEXT = "name,email\nZoë,zoe@example.com\n"
ZOE = {"name": "Zoë", "email": "zoe@example.com"}


def rows(data, encoding=""):
    data = data.encode() if isinstance(data, str) else data
    return [*Rows(normalise(io.BytesIO(data), encoding))]


def problems(data):
    return [(number, row.problem) for number, row in enumerate(rows(data), start=1) if row.problem]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_spreadsheets_are_recognised(encoding):
    assert [row.values for row in rows(TEXT.encode(encoding))] == [ZOE]


def test_windows_1252_is_asked_about_and_not_guessed():
    with pytest.raises(UnknownEncodingError, match="Choose its encoding"):
        rows(TEXT.encode("cp1252"))
    assert [row.values for row in rows(TEXT.encode("cp1252"), "cp1252")] == [ZOE]


@pytest.mark.parametrize("data", [b"name\n\0\n", b"\xff\xfea", b"\0\0"])
def test_what_is_not_text_is_refused_with_a_sentence(data):
    with pytest.raises(UnreadableFileError, match="The file"):
        rows(data)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r"),
        TEXT.replace("\n", "\r\n"),
        "\n\r\n,,\n" + TEXT,
        "sep=;\n" + TEXT.replace(",", ";"),
        "\n" + TEXT.replace(",", "\t"),
    ],
)
def test_line_ends_blank_lines_and_delimiters_are_understood(text):
    assert [row.values for row in rows(text)] == [ZOE]


def test_duplicate_columns_are_named():
    with pytest.raises(UnreadableFileError, match="More than once: name"):
        rows("name,Name,email\n")


def test_a_header_without_rows_has_no_rows():
    assert rows("name,email\n") == []


def test_an_open_quote_costs_one_row_and_the_row_is_named():
    lines = [f"Ada,a{number}@example.com" for number in range(1, 1501)]
    lines[1200] = '"Ada,a1201@example.com'
    text = "name,email\n" + "\n".join(lines)
    assert len(rows(text)) == 1500
    assert problems(text) == [(1201, "A quote is opened and not closed.")]


def test_values_and_lines_that_are_too_long_cost_one_row():
    text = f"name,email\n{'x' * 140_000},a\nAda,b\n{'x,' * 1_000_000}\nAda,c\n"
    assert problems(text) == [(1, "A value is longer than 128 KiB."), (3, "The row is longer than 1 MB.")]


def test_a_quoted_value_may_have_several_lines_and_reading_continues_at_each_row():
    file = normalise(io.BytesIO(b'name,email\n"A\nB",a\nC,"c"x\nD,d\n'))
    read = [*Rows(file)]
    assert [row.values.get("name") for row in read] == ["A\nB", None, "D"]
    assert read[1].problem == "A quote is in the wrong place."
    assert [*Rows(file, read[0].end)] == read[1:]


def test_a_large_file_is_not_held_in_memory(tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"name,email\n" + b"Ada,a@example.com\n" * 500_000)
    tracemalloc.start()
    with path.open("rb") as file:
        assert sum(1 for _ in Rows(normalise(file))) == 500_000
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_cells_that_look_like_formulas_are_shown_as_text():
    assert safe(["=1", "+1", "-1", "@a", "\ta", "\ra", "a=1", -1]) == [
        "'=1", "'+1", "'-1", "'@a", "'\ta", "'\ra", "a=1", -1
    ]  # fmt: skip
