"""A delivery by mail, through the server that the settings name."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from wherry.webhooks.errors import DeliveryFailed

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """`tls` is `starttls`, `tls` from the first byte on, or `none`."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    tls: str = "starttls"

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"

    async def send(self, mail: EmailMessage) -> None:
        """Returns once the server has taken it. Raises `DeliveryFailed`."""
        await asyncio.to_thread(self._send, mail)

    def _send(self, mail: EmailMessage) -> None:
        try:
            with self._connected() as server:
                if self.user is not None:
                    server.login(self.user, self.password or "")
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            raise DeliveryFailed(
                f"the mail server refused the receiver: {_text(answer)}", code, is_final=500 <= code < 600
            ) from None
        except smtplib.SMTPResponseException as error:
            said = f"the mail server said: {_text(error.smtp_error)}"
            raise DeliveryFailed(said, error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"the mail server cannot be used: {str(error)[:200]}") from None

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        if self.tls == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def _text(said: bytes | str) -> str:
    text = said if isinstance(said, str) else said.decode("utf-8", "replace")
    return " ".join(text.split())[:200]
