"""A query or a JSON body → Script, or the Problem that says what is wrong with it.

Rule: everything is read before a stream is opened; nothing is silently changed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from streamspec.control.checks import Checks, integer_of, kind
from streamspec.control.problem import Problem
from streamspec.control.script import DEFAULT_KEEPALIVE_MS, End, Event, Item, Script, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamspec.control.http1 import Request

DEMO = {"count": 20, "interval_ms": 300, "first_delay_ms": 0}
SCRIPT_MEMBERS = frozenset({"token", "items", "repeat", "end", "fail_before_start", "keepalive_ms", "cleanup_ms"})
SCHEDULE_MEMBERS = frozenset({"gate", "after_ms"})
TEXT_MEMBERS = frozenset({"text", "base64", "size"})
EVENT_MEMBERS = frozenset({"event", "data", "id", "retry", "comment", "size"})


class ScriptReader(Checks):
    """Reads what a client asks for; every method raises Problem for what it refuses."""

    # Queries

    def read_query(self, query: str, known: frozenset[str]) -> dict[str, str]:
        """Parameters by name; each at most once, all of them known."""
        found: dict[str, str] = {}
        for pair in filter(None, query.split("&")):
            encoded_name, _, encoded_value = pair.partition("=")
            name = decoded(encoded_name)
            self.check_known([name], known, "", "query parameter")
            if name in found:
                raise Problem(422, f"the query parameter {name} is given more than once", name)
            found[name] = decoded(encoded_value)
        return found

    def query_number(self, query: Mapping[str, str], name: str, default: int) -> int:
        """A number of the query, in its range."""
        text = query.get(name)
        if text is None:
            return default
        # Digits only (int() takes underscores and other scripts' digits); twenty of them are out of every range.
        if not re.fullmatch("-?[0-9]{1,20}", text):
            raise Problem(422, f"{name} must be {integer_of(name)}, not {text[:40]!r}", name)
        return self.check_range(name, int(text), name)

    def read_get(self, request: Request, *, sse: bool) -> Script:
        """The demo, as the query varies it."""
        known = frozenset(DEMO) | {"token"} | ({"keepalive_ms"} if sse else set())
        query = self.read_query(request.query, known)
        count, interval_ms, first_delay_ms = (self.query_number(query, name, DEMO[name]) for name in DEMO)
        keepalive_ms = self.query_number(query, "keepalive_ms", DEFAULT_KEEPALIVE_MS)
        token = self.check_token(query["token"], "token") if "token" in query else None
        first = self.resume_from(request.field("last-event-id"), count) if sse else 1

        def items() -> Iterator[Item]:
            for number in range(first, count + 1):
                yield self.demo_item(number, sse=sse, after_ms=first_delay_ms if number == first else interval_ms)

        return Script(sse, items, count, first=first, demo=True, keepalive_ms=keepalive_ms, token=token)

    def demo_item(self, number: int, *, sse: bool, after_ms: int) -> Item:
        """Item `number`, counted from 1, of `GET /stream` and `GET /sse`."""
        if sse:
            return Event(id=str(number), data=json.dumps({"n": number, "text": "hello"}), after_ms=after_ms)
        return Text(b"chunk %d: hello\n" % number, after_ms=after_ms)

    def resume_from(self, last_event_id: str | None, count: int) -> int:
        """The number of the first event to send; count + 1 where the client has them all."""
        if not last_event_id:
            return 1
        if not re.fullmatch("[1-9][0-9]{0,19}", last_event_id) or int(last_event_id) > count:
            allowed = f"an id of this stream, 1 to {count}" if count else "absent: this stream has no ids"
            raise Problem(422, f"Last-Event-ID must be {allowed}, not {last_event_id[:40]!r}", "Last-Event-ID")
        return int(last_event_id) + 1

    # Bodies

    def read_json(self, request: Request) -> dict[str, object]:
        """The JSON object in the body of a POST, which takes no query."""
        self.read_query(request.query, frozenset())
        self.check_media_type(request.field("content-type"))
        return self.json_object(self.parse_json(request.body), "body")

    def json_object(self, value: object, where: str) -> dict[str, object]:
        """Refuses what is not a JSON object."""
        if not isinstance(value, dict):
            raise Problem(422, f"{where} must be a JSON object, not {kind(value)}", where)
        return value

    def read_post(self, request: Request, *, sse: bool) -> Script:
        """The script in the body."""
        body = self.read_json(request)
        self.check_known(body, SCRIPT_MEMBERS, "", "member")
        listed = body.get("items")
        if not isinstance(listed, list):
            raise Problem(422, f"items must be a list, which may be empty, not {kind(listed)}", "items")
        read_item = self.read_event if sse else self.read_text
        items = tuple(
            read_item(self.json_object(item, f"items[{index}]"), f"items[{index}].")
            for index, item in enumerate(listed)
        )
        repeat = self.number(body, "repeat", "") or 1
        end = self.check_string(body.get("end", End.COMPLETE.value), "end")
        if end not in list(End):
            raise Problem(422, f"end must be one of {', '.join(End)}, not {end[:40]!r}", "end")
        return Script(
            sse,
            lambda: items,
            len(items) * repeat,
            repeat=repeat,
            end=End(end),
            fail_before_start=self.flag(body, "fail_before_start", ""),
            keepalive_ms=self.number(body, "keepalive_ms", "") or DEFAULT_KEEPALIVE_MS,
            cleanup_ms=self.number(body, "cleanup_ms", "") or 0,
            token=self.check_token(body["token"], "token") if "token" in body else None,
        )

    def read_text(self, item: Mapping[str, object], at: str) -> Item:
        """An item of a text stream; `at` is its path in the body and a dot."""
        self.check_known(item, TEXT_MEMBERS | SCHEDULE_MEMBERS, at, "member")
        given = sorted(item.keys() & TEXT_MEMBERS)
        if len(given) != 1:
            which = " and ".join(given) or "none of them"
            raise Problem(422, f"{at[:-1]} must have one of {', '.join(sorted(TEXT_MEMBERS))}, not {which}", at[:-1])
        text, encoded = self.text(item, "text", at), self.text(item, "base64", at)
        content = (text or "").encode("utf-8") if encoded is None else self.decode_base64(encoded, at + "base64")
        return Text(
            content,
            size=self.number(item, "size", at),
            gate=self.flag(item, "gate", at),
            after_ms=self.number(item, "after_ms", at) or 0,
        )

    def read_event(self, item: Mapping[str, object], at: str) -> Item:
        """An item of an event stream; `at` is its path in the body and a dot."""
        self.check_known(item, EVENT_MEMBERS | SCHEDULE_MEMBERS, at, "member")
        if not item.keys() & EVENT_MEMBERS:
            raise Problem(422, f"{at[:-1]} must have any of {', '.join(sorted(EVENT_MEMBERS))}", at[:-1])
        if "size" in item and "data" in item:
            raise Problem(422, f"{at}size stands for data: give one of the two", at + "size")
        event, data, id_, comment = (self.text(item, name, at) for name in ("event", "data", "id", "comment"))
        for name, value in (("event", event), ("id", id_)):
            self.check_writable(name, value or "", at + name)
        return Event(
            event,
            data,
            id_,
            self.number(item, "retry", at),
            comment,
            size=self.number(item, "size", at),
            gate=self.flag(item, "gate", at),
            after_ms=self.number(item, "after_ms", at) or 0,
        )


def decoded(encoded: str) -> str:
    """A name or a value of a query, percent-decoded as a form has it; raises Problem where it is not UTF-8."""
    try:
        return unquote_to_bytes(encoded.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(
            422, f"the query holds {encoded[:40]!r}, which is not UTF-8 once decoded", encoded[:40]
        ) from error
