"""The standards' algorithms, transcribed step by step, for whole streams: what the decoder is compared with.

Encoding 4.1 (UTF-8 decode) and 8.1.1 (UTF-8 decoder), WHATWG HTML 9.2.6 (parsing, interpreting). Nothing here is made
shorter or faster than the text; it imports nothing of the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stream amounts to: events as (type, data, last event ID), and the state that outlives the stream."""

    events: tuple[tuple[str, str, str], ...]
    last_event_id: str
    retry_ms: int | None


def interpret(stream: bytes, last_event_id: str = "") -> Outcome:
    """Return the outcome of a whole stream on a connection that carries `last_event_id` over."""
    event_source = _EventSource(last_event_id)
    for line in _lines(_utf8_decode(stream)):
        event_source.process_line(line)
    # "Once the end of the file is reached, any pending data must be discarded."
    return Outcome(tuple(event_source.dispatched), event_source.last_event_id_string, event_source.reconnection_time)


def _utf8_decode(stream: bytes) -> str:
    """Encoding 4.1: "If buffer does not match 0xEF 0xBB 0xBF, then prepend buffer to ioQueue." Then run the decoder."""
    return _utf8_decoder(stream[3:] if stream[:3] == b"\xef\xbb\xbf" else stream)


def _utf8_decoder(io_queue: bytes) -> str:  # noqa: PLR0912 - the steps of the text, in its order
    """Encoding 8.1.1, error mode "replacement"."""
    output: list[str] = []
    code_point = bytes_seen = bytes_needed = 0
    lower_boundary, upper_boundary = 0x80, 0xBF
    position = 0
    while True:
        if position == len(io_queue):
            # "If byte is end-of-queue and UTF-8 bytes needed is not 0": "return error".
            if bytes_needed:
                output.append("\ufffd")
            return "".join(output)
        byte = io_queue[position]
        position += 1
        if bytes_needed == 0:
            if byte <= 0x7F:
                output.append(chr(byte))
            elif 0xC2 <= byte <= 0xDF:
                bytes_needed = 1
                code_point = byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                if byte == 0xE0:
                    lower_boundary = 0xA0
                if byte == 0xED:
                    upper_boundary = 0x9F
                bytes_needed = 2
                code_point = byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                if byte == 0xF0:
                    lower_boundary = 0x90
                if byte == 0xF4:
                    upper_boundary = 0x8F
                bytes_needed = 3
                code_point = byte & 0x7
            else:
                output.append("\ufffd")
            continue
        if not lower_boundary <= byte <= upper_boundary:
            # "Set UTF-8 code point, UTF-8 bytes needed, and UTF-8 bytes seen to 0, set UTF-8 lower boundary to 0x80,
            # and set UTF-8 upper boundary to 0xBF. Restore byte to ioQueue. Return error."
            code_point = bytes_needed = bytes_seen = 0
            lower_boundary, upper_boundary = 0x80, 0xBF
            position -= 1
            output.append("\ufffd")
            continue
        lower_boundary, upper_boundary = 0x80, 0xBF
        code_point = (code_point << 6) | (byte & 0x3F)
        bytes_seen += 1
        if bytes_seen == bytes_needed:
            output.append(chr(code_point))
            code_point = bytes_needed = bytes_seen = 0


def _lines(text: str) -> list[str]:
    """Lines end with CRLF, with an LF not preceded by CR, or with a CR not followed by LF; the rest is no line.

    9.2.5: each comment and each field is followed by an end-of-line.
    """
    lines: list[str] = []
    line = ""
    position = 0
    while position < len(text):
        if text[position : position + 2] == "\r\n":
            lines.append(line)
            line = ""
            position += 2
        elif text[position] in ("\r", "\n"):
            lines.append(line)
            line = ""
            position += 1
        else:
            line += text[position]
            position += 1
    return lines


@dataclass(slots=True)
class _EventSource:
    """The buffers of a stream, and the event source they belong to."""

    last_event_id_string: str
    reconnection_time: int | None = None
    dispatched: list[tuple[str, str, str]] = field(default_factory=list)
    # "They must be initialized to the empty string."
    data_buffer: str = ""
    event_type_buffer: str = ""
    last_event_id_buffer: str = ""

    def __post_init__(self) -> None:
        # The one departure from the letter, which every browser makes: the buffer starts with the ID of the connection
        # before. An empty one would, at the first event without an id, forget what was just sent as Last-Event-ID.
        self.last_event_id_buffer = self.last_event_id_string

    def process_line(self, line: str) -> None:
        # "If the line is empty (a blank line)": "Dispatch the event, as defined below."
        if line == "":
            self.dispatch_the_event()
        # "If the line starts with a U+003A COLON character (:)": "Ignore the line."
        elif line[0] == ":":
            pass
        # "If the line contains a U+003A COLON character (:)", which then is not the first.
        elif ":" in line:
            # "Collect the characters on the line before the first U+003A COLON character (:), and let field be that
            # string."
            field_name = line[: line.index(":")]
            # "Collect the characters on the line after the first U+003A COLON character (:), and let value be that
            # string. If value starts with a U+0020 SPACE character, remove it from value."
            value = line[line.index(":") + 1 :]
            if value[:1] == " ":
                value = value[1:]
            self.process_the_field(field_name, value)
        # "using the whole line as the field name, and the empty string as the field value"
        else:
            self.process_the_field(line, "")

    def process_the_field(self, field_name: str, value: str) -> None:
        # "Field names must be compared literally, with no case folding performed."
        if field_name == "event":
            self.event_type_buffer = value
        elif field_name == "data":
            self.data_buffer += value
            self.data_buffer += "\n"
        elif field_name == "id":
            # "If the field value does not contain U+0000 NULL"
            if "\x00" not in value:
                self.last_event_id_buffer = value
        elif field_name == "retry" and value != "" and all(character in "0123456789" for character in value):
            # "If the field value consists of only ASCII digits, then interpret the field value as an integer in base
            # ten". The empty value is open in the text; it is no integer, so it is ignored.
            number = 0
            for character in value:
                number = number * 10 + "0123456789".index(character)
            # Ours, not the standard's: the decoder reports nothing above what a double holds exactly.
            self.reconnection_time = min(number, 2**53 - 1)

    def dispatch_the_event(self) -> None:
        # 1. "Set the last event ID string of the event source to the value of the last event ID buffer. The buffer does
        #    not get reset".
        self.last_event_id_string = self.last_event_id_buffer
        # 2. "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string
        #    and return."
        if self.data_buffer == "":
            self.event_type_buffer = ""
            return
        # 3. "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove the last character
        #    from the data buffer."
        if self.data_buffer[-1] == "\n":
            self.data_buffer = self.data_buffer[:-1]
        # 4. and 5. "Initialize event's type attribute to "message", its data attribute to data, [...] and its
        #    lastEventId attribute to the last event ID string of the event source."
        event_type = "message"
        # 6. "If the event type buffer has a value other than the empty string, change the type".
        if self.event_type_buffer != "":
            event_type = self.event_type_buffer
        data = self.data_buffer
        # 7. "Set the data buffer and the event type buffer to the empty string."
        self.data_buffer = ""
        self.event_type_buffer = ""
        # 8. "Queue a task which [...] dispatches the newly created event".
        self.dispatched.append((event_type, data, self.last_event_id_string))
