"""A line to the org that loses what it says of the rows that it has taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import requests

from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg

_PASSED_ON = ("Authorization", "Content-Type", "Accept", "Sforce-Query-Options")
_PASSED_BACK = ("Content-Type", "Sforce-Locator", "Sforce-NumberOfRecords")


@contextmanager
def deaf_to_successes(server: LocalOrg) -> Iterator[Org]:
    """The same org; of the rows of its bulk jobs that succeeded no file says a word."""

    class Line(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = requests.request(
                self.command,
                server.url + self.path,
                headers={n: self.headers[n] for n in _PASSED_ON if n in self.headers},
                data=body,
                timeout=60,
            )
            content = said.content
            if self.path.rstrip("/").endswith("/successfulResults"):
                content = content.splitlines(keepends=True)[0]
            self.send_response(said.status_code)
            for name in _PASSED_BACK:
                if name in said.headers:
                    self.send_header(name, said.headers[name])
            if said.status_code != requests.codes.no_content:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if said.status_code != requests.codes.no_content:
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = pass_on

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    line = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    thread = Thread(target=line.serve_forever, daemon=True)
    thread.start()
    try:
        yield connect(AccessToken(f"http://127.0.0.1:{line.server_port}", server.access_token))
    finally:
        line.shutdown()
        line.server_close()
        thread.join()
