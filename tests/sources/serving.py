"""Answers of the tests' own servers, and the ways in which they go wrong."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler


class Answers(BaseHTTPRequestHandler):
    """Gives bytes out, as a whole or from where it is asked to, and misbehaves when told."""

    protocol_version = "HTTP/1.1"

    def _bytes(
        self, content: bytes, mishaps: list[tuple[str, int]], ranges: bool, headers: dict[str, str] | None = None
    ) -> None:
        """Answer a request for a file.

        Args:
            mishaps: of the next answers, one each: `("cut", n)` hangs up after n bytes, `("status", n)` answers with
                that HTTP status.
            ranges: whether the server knows `Range`.
        """
        kind, number = mishaps.pop(0) if mishaps and self.command == "GET" else ("", 0)
        if kind == "status":
            return self._answer(number, b"")
        status, headers = 200, dict(headers or {})
        asked = self.headers.get("Range")
        if asked and ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self._answer(416, b"")
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        return self._answer(status, content, headers, stop=number if kind == "cut" else None)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, stop: int | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:stop])
        self.close_connection = stop is not None

    def log_message(self, *_: object) -> None:
        pass
