"""HTTP routes of the partner and enterprise SOAP APIs: sign-in, who is asking, the recycle bin."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.metadata import soap
from kartra_sf_pipeline.localorg.metadata.markup import (
    XSI,
    Element,
    children,
    etree,
    text,
    to_bytes,
)
from kartra_sf_pipeline.localorg.requests import note, store_of
from kartra_sf_pipeline.localorg.rest.discovery import host_of
from kartra_sf_pipeline.localorg.rules.recycle import Refused, purge, undelete
from kartra_sf_pipeline.localorg.store import Store

_NAMESPACES = {"u": "urn:partner.soap.sforce.com", "c": "urn:enterprise.soap.sforce.com"}
_FAULTS = {"u": "urn:fault.partner.soap.sforce.com", "c": "urn:fault.enterprise.soap.sforce.com"}
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."
_LIMIT = 200
# A session lives two hours after its last use.
_SESSION_SECONDS = 7_200


class _LoginFault(Exception):
    """Wrong name or password; answered with a detail of its own kind."""


def call(kind: str) -> Callable[[Request], Awaitable[Response]]:
    """The handler of the partner (`u`) or the enterprise (`c`) API."""

    async def handler(request: Request) -> Response:
        """POST of a SOAP envelope; faults come with status 500"""
        data = await request.body()
        return await run_in_threadpool(_answer, request, data, kind)

    return handler


def _answer(request: Request, data: bytes, kind: str) -> Response:
    try:
        asked = soap.read_request(data)
        note(request, operation=asked.operation, writes=asked.operation in _WRITING)
        if asked.operation != "login" and not (
            asked.session_id and request.app.state.is_session(asked.session_id)
        ):
            raise soap.Fault(
                "INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session"
            )
        results = _results(request, asked, kind)
    except _LoginFault:
        return _xml(_login_fault(kind), 500)
    except soap.Fault as fault:
        return _xml(fault.to_bytes(), 500)
    return _xml(_reply(kind, asked.operation, results))


def _xml(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="text/xml; charset=UTF-8")


_WRITING = frozenset({"undelete", "emptyRecycleBin"})


def _results(request: Request, asked: soap.Request, kind: str) -> list[dict[str, Any]]:
    store = store_of(request)
    match asked.operation:
        case "login":
            return [_login(request, store, asked.body, kind)]
        case "getUserInfo":
            return [_user_info(store)]
        case "getServerTimestamp":
            return [{"timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}]
        case "undelete" | "emptyRecycleBin":
            return _recycle(store, asked)
        case _:
            raise soap.Fault(
                "Client",
                f"No operation available for request {{{_NAMESPACES[kind]}}}{asked.operation}, "
                "please check the WSDL for the service.",
                prefix="soapenv",
            )


def _login(request: Request, store: Store, body: Element, kind: str) -> dict[str, Any]:
    user = store.query("SELECT Username FROM User WHERE Id = ?", (store.user_id,))[0][0]
    secret: str = request.app.state.token
    name, password = text(body, "username") or "", text(body, "password") or ""
    right = hmac.compare_digest(password.encode(), secret.encode())
    if name.casefold() != user.casefold() or not right:
        raise _LoginFault
    version = request.path_params["version"]
    base, org = f"{host_of(request)}/services/Soap", store.org_id[:15]
    return {
        "metadataServerUrl": f"{base}/m/{version}/{org}",
        "passwordExpired": False,
        "sandbox": True,
        "serverUrl": f"{base}/{kind}/{version}/{org}",
        "sessionId": secret,
        "userId": store.user_id,
        "userInfo": _user_info(store),
    }


def _user_info(store: Store) -> dict[str, Any]:
    row = store.query(
        "SELECT u.Email, u.Name, u.LanguageLocaleKey, u.LocaleSidKey, u.TimeZoneSidKey, "
        "u.UserType, u.Username, u.ProfileId, o.Name FROM User u, Organization o WHERE u.Id = ?",
        (store.user_id,),
    )[0]
    email, name, language, locale, zone, user_type, username, profile, org = row
    return {
        "accessibilityMode": False,
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 5_242_880,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": store.org_id,
        "organizationMultiCurrency": False,
        "organizationName": org,
        "profileId": profile,
        "roleId": None,
        "sessionSecondsValid": _SESSION_SECONDS,
        "userDefaultCurrencyIsoCode": None,
        "userEmail": email,
        "userFullName": name,
        "userId": store.user_id,
        "userLanguage": language,
        "userLocale": locale,
        "userName": username,
        "userTimeZone": zone,
        "userType": user_type,
        "userUiSkin": "Theme3",
    }


def _recycle(store: Store, asked: soap.Request) -> list[dict[str, Any]]:
    ids = [(e.text or "").strip() for e in children(asked.body, "ids")]
    if len(ids) > _LIMIT:
        raise soap.Fault(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {_LIMIT} records"
        )
    work = undelete if asked.operation == "undelete" else purge
    with store.write() as connection:
        return [_result(value, work(store, connection, value)) for value in ids]


def _result(value: str, refused: Refused | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if refused is not None:
        code, message = refused
        out["errors"] = {"message": message, "statusCode": code}
    return {**out, "id": value, "success": refused is None}


def _reply(kind: str, operation: str, results: list[dict[str, Any]]) -> bytes:
    namespace = _NAMESPACES[kind]
    root = etree.Element(
        f"{{{soap.ENVELOPE}}}Envelope",
        nsmap={"soapenv": soap.ENVELOPE, None: namespace, "xsi": XSI},
    )
    body = etree.SubElement(root, f"{{{soap.ENVELOPE}}}Body")
    response = etree.SubElement(body, f"{{{namespace}}}{operation}Response")
    for result in results:
        _fill(etree.SubElement(response, f"{{{namespace}}}result"), namespace, result)
    return _DECLARATION + to_bytes(root)


def _fill(parent: Element, namespace: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        part = etree.SubElement(parent, f"{{{namespace}}}{name}")
        if isinstance(value, dict):
            _fill(part, namespace, value)
        elif value is None:
            part.set(f"{{{XSI}}}nil", "true")
        else:
            part.text = str(value).lower() if isinstance(value, bool) else str(value)


def _login_fault(kind: str) -> bytes:
    space = _FAULTS[kind]
    root = etree.Element(
        f"{{{soap.ENVELOPE}}}Envelope", nsmap={"soapenv": soap.ENVELOPE, "sf": space, "xsi": XSI}
    )
    body = etree.SubElement(root, f"{{{soap.ENVELOPE}}}Body")
    fault = etree.SubElement(body, f"{{{soap.ENVELOPE}}}Fault")
    etree.SubElement(fault, "faultcode").text = "INVALID_LOGIN"
    etree.SubElement(fault, "faultstring").text = f"INVALID_LOGIN: {_BAD_LOGIN}"
    detail = etree.SubElement(etree.SubElement(fault, "detail"), f"{{{space}}}LoginFault")
    detail.set(f"{{{XSI}}}type", "sf:LoginFault")
    etree.SubElement(detail, f"{{{space}}}exceptionCode").text = "INVALID_LOGIN"
    etree.SubElement(detail, f"{{{space}}}exceptionMessage").text = _BAD_LOGIN
    return _DECLARATION + to_bytes(root)


routes = [
    Route(f"/services/Soap/{kind}/{{version}}{tail}", call(kind), methods=["POST"])
    for kind in _NAMESPACES
    for tail in ("", "/", "/{org}")
]
