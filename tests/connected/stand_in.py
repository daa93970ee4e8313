"""`ketnap` with services that only answer their health: for tests of what runs them.

As a program it is the command line; started by that as a service, it is the service.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from deploy.cli import main
from deploy.stack import service


class Ready(BaseHTTPRequestHandler):
    """Always ready."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Say nothing."""


if __name__ == "__main__":
    if "KETNAP_HTTP_PORT" not in os.environ:
        service.MODULE = "tests.connected.stand_in"
        main()
    elif os.environ["KETNAP_DATABASE_URL_FILE"].endswith(f"/{os.environ.get('KETNAP_BROKEN')}.database-url"):
        sys.stderr.write("this one does not work\n")
        sys.exit(int(os.environ.get("KETNAP_BROKEN_WITH", "1")))
    else:
        HTTPServer((os.environ["KETNAP_HTTP_HOST"], int(os.environ["KETNAP_HTTP_PORT"])), Ready).serve_forever()
