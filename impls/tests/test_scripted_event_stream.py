"""The encoder of events, at the edges of the grammar (HTML 9.2.5)."""

import pytest

from impls.scripted.event_stream import KEEP_ALIVE, Unwritable, encode_event


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        ("", b"data: \n\n"),
        ("a", b"data: a\n\n"),
        (" a", b"data:  a\n\n"),
        (":a", b"data: :a\n\n"),
        ("a\nb", b"data: a\ndata: b\n\n"),
        ("a\r\nb", b"data: a\ndata: b\n\n"),
        ("a\rb", b"data: a\ndata: b\n\n"),
        ("a\r\r\nb", b"data: a\ndata: \ndata: b\n\n"),
        ("a\n", b"data: a\ndata: \n\n"),
        ("\n", b"data: \ndata: \n\n"),
        ("a\0b", b"data: a\0b\n\n"),
        ("a\u2028b\u2029c\u0085d\ve\ff", "data: a\u2028b\u2029c\u0085d\ve\ff\n\n".encode()),
        ("\ufeffä", "data: \ufeffä\n\n".encode()),
    ],
)
def test_each_line_of_data_is_a_field(data: str, encoded: bytes) -> None:
    assert encode_event(data=data) == encoded


def test_fields_stand_in_one_event_with_one_blank_line() -> None:
    encoded = encode_event(event="tick", data="x", id="7", retry=5, comment="one\ntwo")
    assert encoded == b": one\n: two\nevent: tick\nid: 7\nretry: 5\ndata: x\n\n"


def test_a_comment_of_several_lines_stays_a_comment() -> None:
    assert encode_event(comment="a\r\ndata: b\rc") == b": a\n: data: b\n: c\n\n"


def test_an_empty_id_is_written_because_it_resets_the_last_event_id() -> None:
    assert encode_event(id="", event="") == b"event: \nid: \n\n"


def test_the_keep_alive_is_a_comment_and_a_blank_line() -> None:
    assert encode_event(comment="keep-alive") == KEEP_ALIVE


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_what_would_begin_another_field_is_refused(line_end: str) -> None:
    with pytest.raises(Unwritable, match="event must not contain CR or LF"):
        encode_event(event=f"a{line_end}data: b")
    with pytest.raises(Unwritable, match="id must not contain CR or LF"):
        encode_event(id=f"1{line_end}")


def test_an_id_with_nul_is_refused_because_clients_ignore_it() -> None:
    with pytest.raises(Unwritable, match="NUL"):
        encode_event(id="a\0b")


def test_a_negative_reconnection_time_is_refused() -> None:
    with pytest.raises(Unwritable, match="retry"):
        encode_event(retry=-1)


@pytest.mark.parametrize("field", ["comment", "event", "id", "data"])
def test_a_lone_surrogate_is_refused_in_the_field_it_is_in(field: str) -> None:
    with pytest.raises(Unwritable) as refused:
        encode_event(**{"data": "fine", field: "\ud800"})  # type: ignore[arg-type]  # a field's name is data here
    assert refused.value.field == field
