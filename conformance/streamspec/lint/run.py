"""A run of `lint`: a request, and with `--direct` its origin too → results and an exit code."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from streamspec.lint import beside
from streamspec.lint.timeline import Timeline
from streamspec.lint.verdicts import LintResults, judged, unknown_ids, unreachable
from streamspec.lint.visit import Visit, visit
from streamspec.mistake import Mistake
from streamspec.report.results import ExitCode, Verdict
from streamspec_client.probe import Unreachable
from streamspec_client.tls import Untrusted, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from streamspec.lint.look import Limits
    from streamspec.lint.request import Request
    from streamspec.lint.verdicts import Linted


class BadAuthorities(Mistake):
    """A file of certificates that cannot be used: mend the command."""


def trust(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
    """What certificates to trust. Raises BadAuthorities."""
    try:
        return trusting(verify=verify, ca_file=str(ca_file) if ca_file is not None else None)
    except ssl.SSLError as error:
        raise BadAuthorities(f"{ca_file}: holds no certificate in PEM") from error
    except OSError as error:
        raise BadAuthorities(f"{ca_file}: cannot be read: {error.strerror}") from error


def lint(
    request: Request, limits: Limits, console: Console, *, direct: str | None, follow: bool, once: bool | None
) -> LintResults:
    """Look at an endpoint, and at its origin where that is named; the timeline grows on the console.

    With `once` None the method decides how often the request is sent (see `visit`).
    """
    asked = [request] if direct is None else [request, request.at(request.address.at(direct))]
    visits: list[Visit | Linted] = []
    for one in asked:
        title = one.address.url
        try:
            with Timeline(console, title) as timeline:
                visits.append(visit(one, limits, timeline, follow=follow, once=once))
        except Unreachable as error:
            visits.append(unreachable(title, _told(error, one)))
    path, origin = visits[0], visits[-1]
    changes = []
    if direct is not None and isinstance(path, Visit) and isinstance(origin, Visit):
        changes = beside.changes(path, origin)
        visits[0] = replace(path, origin=origin.asked)
    targets = [judged(found) if isinstance(found, Visit) else found for found in visits]
    return LintResults(targets, changes, unknown_ids())


def _told(error: Unreachable, request: Request) -> str:
    """Why a server cannot be reached, and what to do about it."""
    url = request.address.url
    if isinstance(error, Untrusted) and "mismatch" in error.reason.lower():
        return f"{url}: {error}; ask by the name that it is for, or trust whatever comes (-k)"
    if isinstance(error, Untrusted):
        return f"{url}: {error}; --cacert FILE trusts who signed it, -k whatever comes"
    if "TLS" in error.reason:
        return f"{url}: {error}; does it speak plain HTTP (http://)?"
    if "name" in error.reason:
        return f"{url}: {error}; is the host's name right?"
    return f"{url}: {error}; is it running, and is the port right?"


def exit_code(results: LintResults, *, strict: bool) -> ExitCode:
    """1 if a MUST (with `strict` a SHOULD too) does not hold, else 3 if anything could not be observed, else 0."""
    found = [finding.verdict for target in results.targets for finding in target.verdicts]
    if Verdict.FAIL in found or (strict and Verdict.WARN in found):
        return ExitCode.VIOLATION
    lost = any(target.error for target in results.targets)
    return ExitCode.INCONCLUSIVE if lost or Verdict.INCONCLUSIVE in found else ExitCode.CONFORMANT
