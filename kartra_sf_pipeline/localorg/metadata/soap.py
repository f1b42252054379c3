"""SOAP envelopes: what a request asks for, and replies and faults as the platform writes them."""

from __future__ import annotations

from dataclasses import dataclass

from kartra_sf_pipeline.localorg.metadata.markup import (
    NAMESPACE,
    XSI,
    Element,
    child,
    children,
    etree,
    local,
    parse,
    to_bytes,
)

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True)
class Request:
    """One SOAP call: the operation's element and the session that the header carries."""

    operation: str
    body: Element
    session_id: str | None


class Fault(Exception):
    """A call that is answered by a SOAP fault; `code` stands behind the prefix `sf:`."""

    def __init__(self, code: str, message: str, *, prefix: str = "sf") -> None:
        self.code = code
        self.message = message
        self.prefix = prefix
        super().__init__(f"{code}: {message}")

    def to_bytes(self) -> bytes:
        """The envelope of the fault; it is sent with HTTP status 500."""
        root = etree.Element(
            f"{{{ENVELOPE}}}Envelope",
            nsmap={"soapenv": ENVELOPE, "sf": NAMESPACE, "xsi": XSI},
        )
        body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
        fault = etree.SubElement(body, f"{{{ENVELOPE}}}Fault")
        code = etree.SubElement(fault, "faultcode")
        code.text = f"{self.prefix}:{self.code}"
        text = etree.SubElement(fault, "faultstring")
        text.text = f"{self.code}: {self.message}" if self.prefix == "sf" else self.message
        return _DECLARATION + to_bytes(root)


def read_request(data: bytes) -> Request:
    """The call in an envelope.

    Raises:
        Fault: when it is no envelope with one operation in it.

    """
    try:
        root = parse(data)
    except ValueError as error:
        raise Fault("Client", f"Bad request: {error}", prefix="soapenv") from error
    body = child(root, "Body")
    operation = (
        next((c for c in body if isinstance(c.tag, str)), None) if body is not None else None
    )
    if local(root) != "Envelope" or operation is None:
        raise Fault("Client", "Bad request: missing envelope or operation", prefix="soapenv")
    header = child(root, "Header")
    session_id: str | None = None
    for block in header if header is not None else ():
        if isinstance(block.tag, str) and local(block) == "SessionHeader":
            for part in children(block, "sessionId"):
                session_id = (part.text or "").strip() or None
    return Request(local(operation), operation, session_id)


def reply(operation: str, results: list[Element]) -> bytes:
    """The envelope of an operation's results; empty when there are none."""
    root = etree.Element(
        f"{{{ENVELOPE}}}Envelope", nsmap={"soapenv": ENVELOPE, None: NAMESPACE, "xsi": XSI}
    )
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    response = etree.SubElement(body, f"{{{NAMESPACE}}}{operation}Response")
    for result in results:
        response.append(result)
    return _DECLARATION + to_bytes(root)


def option(parent: Element | None, name: str) -> str | None:
    """A child's text, whatever the case of its name: clients disagree about `ZipFile`."""
    if parent is None:
        return None
    for part in parent:
        if isinstance(part.tag, str) and local(part).lower() == name.lower():
            return (part.text or "").strip() or None
    return None


def block(parent: Element, name: str) -> Element | None:
    """A child element, whatever the case of its name."""
    for part in parent:
        if isinstance(part.tag, str) and local(part).lower() == name.lower():
            return part
    return None
