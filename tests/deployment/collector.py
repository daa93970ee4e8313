"""A collector of traces outside the containers: it takes what OTLP over HTTP brings, and keeps it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Listens at `address` until it is closed."""

    def __init__(self, address: str) -> None:
        self.spans: list[tuple[str, Span]] = []
        """Each with the name of the service that told it."""
        collector = self

        class Told(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
                    named = {each.key: each.value.string_value for each in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        collector.spans += [(named["service.name"], span) for span in scope.spans]
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
                """Say nothing."""

        self._server = ThreadingHTTPServer((address, 0), Told)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://{address}:{self._server.server_address[1]}/v1/traces"

    def of(self, trace_id: bytes) -> dict[str, tuple[str, Span]]:
        """The spans of one trace by their names."""
        return {span.name: (service, span) for service, span in self.spans if span.trace_id == trace_id}

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
