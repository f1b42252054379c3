"""Reading and writing the XML of the Metadata API; no entities, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree as _etree  # pyright: ignore[reportAttributeAccessIssue]

if TYPE_CHECKING:
    # lxml ships no types; its elements have what the standard library's have, and more.
    from xml.etree.ElementTree import Element
else:
    Element = _etree._Element

etree: Any = _etree

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def parse(data: bytes) -> Element:
    """The root element.

    Raises:
        ValueError: when the text is not well-formed XML.

    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return etree.QName(element).localname


def children(element: Element, name: str) -> list[Element]:
    """Child elements of that name, whatever their namespace."""
    return [c for c in element if isinstance(c.tag, str) and local(c) == name]


def child(element: Element, name: str) -> Element | None:
    """The first child element of that name."""
    return next(iter(children(element, name)), None)


def text(element: Element, name: str) -> str | None:
    """The stripped text of the first child of that name; None when absent or empty."""
    found = child(element, name)
    if found is None or found.text is None:
        return None
    return found.text.strip() or None


def flag(element: Element, name: str) -> bool | None:
    """A child's text as a boolean, None when it is absent."""
    value = text(element, name)
    return None if value is None else value.lower() == "true"


def number(element: Element, name: str) -> int | None:
    """A child's text as a whole number; None when it is absent or no number."""
    value = text(element, name)
    return int(value) if value is not None and value.lstrip("-").isdigit() else None


def node(name: str, value: object = None) -> Element:
    """An element of the metadata namespace with a text."""
    made = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})
    if value is not None:
        made.text = str(value).lower() if isinstance(value, bool) else str(value)
    return made


def add(parent: Element, name: str, value: object = None) -> Element:
    """A new last child with a text."""
    made = node(name, value)
    parent.append(made)
    return made


def source_of(element: Element, full_name: str) -> str:
    """A component's XML as it is kept: its full name first, then its other children."""
    root = node(local(element))
    add(root, "fullName", full_name)
    for part in element:
        if isinstance(part.tag, str) and local(part) != "fullName":
            root.append(_in_namespace(part))
    return etree.tostring(root, encoding="unicode")


def _in_namespace(element: Element) -> Element:
    made = node(local(element), (element.text or "") if len(element) == 0 else None)
    for part in element:
        if isinstance(part.tag, str):
            made.append(_in_namespace(part))
    return made


def to_bytes(element: Element) -> bytes:
    """The serialised element without a declaration."""
    return etree.tostring(element, encoding="utf-8")
