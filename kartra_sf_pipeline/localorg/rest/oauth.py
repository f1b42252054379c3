"""Who may come in and who is asking: tokens, user information, identity."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import not_found
from kartra_sf_pipeline.localorg.requests import off_loop, reply, store_of
from kartra_sf_pipeline.localorg.rest import jwt_bearer
from kartra_sf_pipeline.localorg.rest.discovery import host_of
from kartra_sf_pipeline.localorg.store import Store

# Where the certificates lie whose keys may sign JWT assertions.
CONNECTED_APP = "connected-app"


async def token(request: Request) -> Response:
    """POST /services/oauth2/token: client credentials, user name and password, or a JWT.

    The secret of the first two is the server's access token, which only the owner of the home
    folder can read: the client secret of the one, the password of the other. A JWT is signed by
    the key of a certificate in the home folder.
    """
    form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)

    def first(name: str) -> str:
        return form.get(name, [""])[0]

    secret: str = request.app.state.token
    grant = first("grant_type")
    client_secret = first("client_secret")
    header = request.headers.get("authorization", "")
    if header.lower().startswith("basic "):
        try:
            decoded = base64.b64decode(header[6:]).decode("utf-8")
            client_secret = decoded.partition(":")[2]
        except ValueError:
            client_secret = ""
    if grant == "client_credentials":
        if not hmac.compare_digest(client_secret.encode(), secret.encode()):
            return _refuse("invalid_client", "invalid client credentials")
    elif grant == "password":
        user = await off_loop(_username, store_of(request))
        right = first("username").casefold() == user.casefold()
        if not (right and hmac.compare_digest(first("password").encode(), secret.encode())):
            return _refuse("invalid_grant", "authentication failure")
    elif grant == jwt_bearer.GRANT:
        return await _by_assertion(request, first("assertion"))
    else:
        return _refuse("unsupported_grant_type", "grant type not supported")
    store = store_of(request)
    issued = str(int(time.time() * 1000))
    identity = f"{host_of(request)}/id/{store.org_id}/{store.user_id}"
    signature = hmac.new(secret.encode(), (identity + issued).encode(), hashlib.sha256).digest()
    return reply(
        {
            "access_token": secret,
            "instance_url": host_of(request),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
            "signature": base64.b64encode(signature).decode("ascii"),
        }
    )


async def _by_assertion(request: Request, assertion: str) -> Response:
    store = store_of(request)
    user = await off_loop(_username, store)
    host = host_of(request)
    try:
        await off_loop(jwt_bearer.check, assertion, store.directory / CONNECTED_APP, user, (host,))
    except jwt_bearer.AssertionRefused as refused:
        return _refuse(refused.code, refused.description)
    return reply(
        {
            "access_token": request.app.state.token,
            "scope": "id api",
            "instance_url": host,
            "id": f"{host}/id/{store.org_id}/{store.user_id}",
            "token_type": "Bearer",
        }
    )


def _username(store: Store) -> str:
    return store.query("SELECT Username FROM User WHERE Id = ?", (store.user_id,))[0][0]


def _refuse(code: str, description: str) -> Response:
    return reply({"error": code, "error_description": description}, 400)


def _user(store: Store) -> dict[str, Any]:
    columns = (
        "Username",
        "FirstName",
        "LastName",
        "Name",
        "Email",
        "TimeZoneSidKey",
        "CommunityNickname",
        "LastModifiedDate",
        "LocaleSidKey",
    )
    row = store.query(f"SELECT {', '.join(columns)} FROM User WHERE Id = ?", (store.user_id,))[0]
    return dict(zip(columns, row, strict=True))


def _urls(host: str, org15: str, profile: str) -> dict[str, str]:
    data = f"{host}/services/data/v{{version}}/"
    return {
        "enterprise": f"{host}/services/Soap/c/{{version}}/{org15}",
        "metadata": f"{host}/services/Soap/m/{{version}}/{org15}",
        "partner": f"{host}/services/Soap/u/{{version}}/{org15}",
        "rest": data,
        "sobjects": data + "sobjects/",
        "search": data + "search/",
        "query": data + "query/",
        "recent": data + "recent/",
        "tooling_soap": f"{host}/services/Soap/T/{{version}}/{org15}",
        "tooling_rest": data + "tooling/",
        "profile": profile,
        "feeds": data + "chatter/feeds",
        "groups": data + "chatter/groups",
        "users": data + "chatter/users",
        "feed_items": data + "chatter/feed-items",
        "feed_elements": data + "chatter/feed-elements",
        "custom_domain": host,
    }


async def userinfo(request: Request) -> Response:
    """GET /services/oauth2/userinfo"""
    store = store_of(request)
    user, host = _user(store), host_of(request)
    profile = f"{host}/{store.user_id}"
    body = {
        "sub": f"{host}/id/{store.org_id}/{store.user_id}",
        "user_id": store.user_id,
        "organization_id": store.org_id,
        "preferred_username": user["Username"],
        "nickname": user["CommunityNickname"],
        "name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "photos": {
            "picture": f"{host}/profilephoto/005/F",
            "thumbnail": f"{host}/profilephoto/005/T",
        },
        "profile": profile,
        "picture": f"{host}/profilephoto/005/F",
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": _urls(host, store.org_id[:15], profile),
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": user["LocaleSidKey"],
        "utcOffset": -28800000,
        "updated_at": user["LastModifiedDate"].replace(".000+0000", "Z"),
    }
    return reply(body)


async def identity(request: Request) -> Response:
    """GET /id/{org}/{user}"""
    store = store_of(request)
    if (request.path_params["org"][:15], request.path_params["user"][:15]) != (
        store.org_id[:15],
        store.user_id[:15],
    ):
        raise not_found()
    user, host = _user(store), host_of(request)
    profile = f"{host}/{store.user_id}"
    body = {
        "id": f"{host}/id/{store.org_id}/{store.user_id}",
        "asserted_user": True,
        "user_id": store.user_id,
        "organization_id": store.org_id,
        "username": user["Username"],
        "nick_name": user["CommunityNickname"],
        "display_name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "photos": {
            "picture": f"{host}/profilephoto/005/F",
            "thumbnail": f"{host}/profilephoto/005/T",
        },
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": "US",
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(host, store.org_id[:15], profile),
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": user["LocaleSidKey"],
        "utcOffset": -28800000,
        "last_modified_date": user["LastModifiedDate"].replace(".000+0000", "Z"),
        "is_app_installed": True,
    }
    return reply(body)


routes = [
    Route("/services/oauth2/token", token, methods=["POST"]),
    Route("/services/oauth2/userinfo", userinfo, methods=["GET", "POST"]),
    Route("/id/{org}/{user}", identity, methods=["GET"]),
]
