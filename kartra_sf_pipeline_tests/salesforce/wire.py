"""A scripted HTTP server for what no well-behaved org does on demand: wrong shapes, lost answers,
and, as a TLS-terminating proxy, the login hosts that clients hard-wire.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ORG_ID = "00D000000000001EAA"
USER_ID = "005000000000001AAA"


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    host: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    # Close the connection instead of answering, after the request was read.
    drop: bool = False


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), headers=headers)


def refused(status: int, code: str, message: str) -> Reply:
    return as_json([{"errorCode": code, "message": message}], status)


def root() -> Reply:
    """The API's root with the identity URL that tells org and user."""
    return as_json({"identity": f"https://login.salesforce.com/id/{ORG_ID}/{USER_ID}"})


Script = Callable[[Seen], Reply]


@dataclass
class Wire:
    port: int
    seen: list[Seen]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path.partition('?')[0]}" for seen in self.seen]


@contextmanager
def serve(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Answer every request by the script. With `tls` it is a proxy that plays the hosts itself."""
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: two would wait for each other's acknowledgement.
        wbufsize = -1
        connect_host = ""

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            assert tls is not None
            self.connect_host = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", -1)
            self.wfile = self.connection.makefile("wb", -1)
            self.close_connection = False

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Seen(self.command, self.path, headers, body, self.connect_host)
            seen.append(request)
            reply = script(request)
            if reply.drop:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Wire(server.server_address[1], seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
