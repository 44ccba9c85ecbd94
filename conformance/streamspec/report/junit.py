"""Results as JUnit XML, in the shape that Jenkins' schema of it allows: for CI that shows test cases.

A suite per target, a case per requirement. FAIL (with `strict` WARN too) is a failure, INCONCLUSIVE an error: it is
never green. DEVIATION and NOT_APPLICABLE are skipped, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from streamspec.report.results import Verdict
from streamspec.report.wording import evidence, figures, printable, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.report.results import Finding, Results, TargetResults
    from streamspec.report.wording import Described


def junit(results: Results, known: Mapping[str, Described], *, strict: bool) -> bytes:
    """The document, UTF-8."""
    root = ET.Element("testsuites", name="streamspec")
    for target in results.targets:
        suite = ET.SubElement(root, "testsuite", name=f"streamspec.{target.name}", timestamp=results.started_at[:19])
        properties = ET.SubElement(suite, "properties")
        described = {"url": target.url, "versions": versions(target), "streamspec": results.suite_version}
        for name, value in described.items():
            ET.SubElement(properties, "property", name=name, value=printable(value))
        for finding in target.verdicts:
            _add_case(suite, finding, target, known, strict=strict)
        if not target.verdicts:
            case = ET.SubElement(suite, "testcase", classname=f"streamspec.{target.name}", name="target", time="0")
            ET.SubElement(case, "error", message=printable(target.error or "nothing was observed"))
        tags = [child.tag for case in suite.iter("testcase") for child in case]
        suite.set("tests", str(len(suite.findall("testcase"))))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(attribute, str(tags.count(tag)))
        suite.set("time", f"{target.duration_s:.3f}")
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add_case(
    suite: ET.Element, finding: Finding, target: TargetResults, known: Mapping[str, Described], *, strict: bool
) -> None:
    area = finding.id.partition("-")[0]
    time = f"{finding.duration_s:.3f}"
    case = ET.SubElement(suite, "testcase", classname=f"streamspec.{target.name}.{area}", name=finding.id, time=time)
    message = printable(finding.message)
    if finding.verdict is Verdict.FAIL or (strict and finding.verdict is Verdict.WARN):
        failure = ET.SubElement(case, "failure", message=message, type=finding.level)
        failure.text = "\n".join(f"{label}: {text}" for label, text in evidence(finding, target, known))
    elif finding.verdict is Verdict.INCONCLUSIVE:
        ET.SubElement(case, "error", message=message, type=finding.verdict)
    elif finding.verdict in {Verdict.DEVIATION, Verdict.NOT_APPLICABLE}:
        ET.SubElement(case, "skipped", message=printable(finding.reason or message), type=finding.verdict)
    elif told := ", ".join(filter(None, [message, *figures(finding)])):
        ET.SubElement(case, "system-out").text = f"{finding.verdict}: {told}"
