"""An upstream that says exactly the bytes it was given, cut where it was told to: a raw HTTP/1.1 server on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    content_type: str
    # Each is a chunk of HTTP's and a write of its own; a function is asked for its bytes when they are due.
    pieces: Iterable[bytes | Callable[[], bytes]]
    # Before each piece but the first, in seconds.
    pause: float = 0.0
    # In one piece with its length, where not chunked.
    chunked: bool = True


class Peer:
    """`with Peer(reply) as peer:` answers every call with what `reply(asked)` gives."""

    def __init__(self, reply: Callable[[Asked], Reply]) -> None:
        self.reply = reply
        self.asked: list[Asked] = []

    def __enter__(self) -> "Peer":
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while (request := reader.readline()) and self._answer(connection, request, reader):
                    pass
            except OSError:
                # Whoever asked has left.
                return

    def _answer(self, connection: socket.socket, request: bytes, reader) -> bool:
        """Whether another request may follow."""
        headers = {}
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = reader.read(int(headers.get("content-length", "0")))
        asked = Asked(request.split()[1].decode(), headers, body)
        self.asked.append(asked)
        reply = self.reply(asked)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {reply.content_type}\r\n"
        if not reply.chunked:
            whole = b"".join(piece if isinstance(piece, bytes) else piece() for piece in reply.pieces)
            connection.sendall(f"{head}content-length: {len(whole)}\r\n\r\n".encode() + whole)
            return headers.get("connection") != "close"
        connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        due = time.perf_counter()
        for piece in reply.pieces:
            if reply.pause:
                due += reply.pause
                time.sleep(max(0.0, due - time.perf_counter()))
            bytes_due = piece if isinstance(piece, bytes) else piece()
            connection.sendall(f"{len(bytes_due):x}\r\n".encode() + bytes_due + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return headers.get("connection") != "close"
