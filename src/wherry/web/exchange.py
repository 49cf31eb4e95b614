"""One request and its answer as the frame sees them: bytes counted, and what a face says for the log."""

from starlette.types import Message, Receive, Scope, Send

# What the log shows if nobody answers because the client went away (as nginx writes it).
CLIENT_GONE = 499


class Exchange:
    """Stands between a face and the server; `of(scope)` finds it.

    Faces set `face`, `route` (the template, never the path) and `user`, and append to `headers` what each
    answer of theirs carries. `path` is what the log shows where the path itself holds a secret.
    """

    __slots__ = (
        "_receive",
        "_send",
        "client",
        "face",
        "headers",
        "path",
        "received",
        "request_id",
        "route",
        "sent",
        "started",
        "status",
        "user",
    )

    def __init__(self, receive: Receive, send: Send, request_id: str, client: str) -> None:
        self._receive = receive
        self._send = send
        self.request_id = request_id
        self.headers = [(b"x-request-id", request_id.encode())]
        self.client = client
        self.face = "none"
        self.route = "none"
        self.path: str | None = None
        self.user: str | None = None
        self.status = CLIENT_GONE
        self.started = False
        self.received = 0
        self.sent = 0

    @staticmethod
    def of(scope: Scope) -> "Exchange":
        """The exchange that the frame put into the scope."""
        exchange: Exchange = scope["wherry.exchange"]
        return exchange

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        elif message["type"] == "websocket.receive":
            self.received += len(message.get("bytes") or message.get("text") or b"")
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.body":
            self.sent += len(message.get("body", b""))
        elif kind == "http.response.start":
            self.status = message["status"]
            self.started = True
            message["headers"].extend(self.headers)
        elif kind.startswith("websocket."):
            self._note_websocket(message)
        await self._send(message)

    def _note_websocket(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            self.sent += len(message.get("bytes") or message.get("text") or b"")
        elif kind == "websocket.accept":
            self.status, self.started = 101, True
        elif kind == "websocket.http.response.start":
            self.status, self.started = message["status"], True
            message["headers"].extend(self.headers)
        elif kind == "websocket.close" and not self.started:
            self.status, self.started = 403, True
