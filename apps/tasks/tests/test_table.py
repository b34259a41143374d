import io
import tracemalloc

import pytest

from apps.tasks import example
from apps.tasks.table import RECORD_BYTES, RECORD_LINES, NotATable, Table, check_text

HEADER = "name,email\n"


def records(text, place=None):
    return list(Table(io.BytesIO(text.encode()), place))


def rows(text):
    """Return each record's line, with its fields or with what is wrong."""
    return [(record.line, record.problem or record.fields) for record in records(text)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_spreadsheets_write_is_read(delimiter, end, mark):
    lines = [["name", "email"], ["Ada", "ada@example.com"], ["Zoë", "zoe@example.com"]]
    table = Table(io.BytesIO((mark + end.join(delimiter.join(line) for line in lines)).encode()))
    assert [table.header, *(record.fields for record in table)] == lines


def test_empty_lines_are_passed_over_and_counted():
    assert rows(HEADER + "\n\na,b\n\n") == [(4, ["a", "b"])]


def test_a_field_in_quotes_may_go_over_several_lines():
    assert rows(HEADER + '"A\nB",c\nd,e\n') == [(2, ["A\nB", "c"]), (4, ["d", "e"])]


def test_a_quote_in_the_middle_of_a_field_is_a_character():
    assert rows(HEADER + 'Ada "The" L,a\n5" disk,b\n') == [(2, ['Ada "The" L', "a"]), (3, ['5" disk', "b"])]


@pytest.mark.parametrize("following", [1, 5, 100])
def test_a_quote_that_is_not_closed_costs_its_own_line_and_no_other(following):
    text = HEADER + '"Ada,ada@example.com\n' + "a,b\n" * following
    assert rows(text) == [
        (2, "A quotation mark is not closed."),
        *((3 + number, ["a", "b"]) for number in range(following)),
    ]


def test_a_field_over_very_many_lines_is_taken_for_a_quote_that_is_not_closed():
    text = HEADER + '"A' + "\nB" * RECORD_LINES + '",c\n'
    assert rows(text)[0] == (2, "A quotation mark is not closed.")
    assert len(rows(text)) == RECORD_LINES + 1


def test_a_row_of_a_megabyte_costs_its_own_line_and_little_memory():
    text = HEADER + "x" * 1_000_000 + ",y\na,b\n"
    file = io.BytesIO(text.encode())
    tracemalloc.start()
    found = [(record.line, record.problem, len(record.text)) for record in Table(file)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(2, "The row is longer than 65536 bytes.", RECORD_BYTES), (3, "", 4)]
    assert peak < 500_000


def test_from_any_place_on_it_reads_the_rest():
    text = "".join(example.lines(40, bad_every=3)) + '"over\ntwo lines",x@example.com,,,\nlast,l@example.com,,,\n'
    table = Table(io.BytesIO(text.encode()))
    places = [table.place, *(table.place for record in table)]
    everything = records(text)
    assert len(places) == len(everything) + 1
    for number, place in enumerate(places):
        assert records(text, place) == everything[number:]


def test_text_is_what_it_takes_in_however_it_is_cut():
    data = "Zoë, Grüße, 日本".encode()
    for size in (1, 2, 3, 7):
        check_text(data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([b"a,b\nc,d\n", b"\xe9,f\n"], "Line 3"),
        ([b"a,b\n", b"c,d\n\xe9,f\n"], "Line 3"),
        (["a,b".encode("utf-16")], "not UTF-8"),
        ([b"a\0b"], "not a text file"),
        ([b"\xff\xd8\xff\xe0\0\x10JFIF"], "not UTF-8"),
        ([b"PK\x03\x04\x14\0\0\0\x08\0"], "not a text file"),
        ([b"ends in the middle of a \xc3"], "not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_and_said_so(chunks, told):
    with pytest.raises(NotATable, match=told):
        check_text(chunks)
