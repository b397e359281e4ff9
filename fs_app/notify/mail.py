"""Mail: one message, one SMTP session, in a native thread."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from fs_app.domain.sending import Declined, Delivered, Delivery, Message, Refused, Unreached
from fs_app.domain.smtp_url import SmtpServer, is_mail_address
from fs_app.domain.tags import clean

TIMEOUT = 15.0  # seconds for each answer of the server
BODY_MAX = 200_000  # characters


def compose(message: Message, sender: str, now: datetime) -> EmailMessage:
    """Pure: the mail. Its Message-ID comes from the idempotency key, so that a repeated one is the same mail.

    Headers are one line of printable text each, whatever the tags held.
    """
    payload = message.payload
    address = str(payload.get("from_email") or sender)
    if not is_mail_address(address):
        address = sender
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clean(str(payload.get("subject", ""))) or "Reminder"
    mail["From"] = formataddr((clean(str(payload.get("from_name", ""))), address))
    mail["To"] = message.destination
    mail["Date"] = format_datetime(now)
    key = hashlib.sha256(message.key.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{key}@{address.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    text, html = str(payload.get("text", ""))[:BODY_MAX], str(payload.get("html", ""))[:BODY_MAX]
    if text.strip() or not html.strip():
        mail.set_content(_plain(text))
        if html.strip():
            mail.add_alternative(_plain(html), subtype="html")
    else:
        mail.set_content(_plain(html), subtype="html")
    return mail


class MailSender:
    """``server`` None: no mail is sent, and each says why. ``context`` is for TLS, the default one when None."""

    def __init__(
        self, server: SmtpServer | None, *, context: ssl.SSLContext | None = None, timeout: float = TIMEOUT
    ) -> None:
        self._server = server
        self._context = context
        self._timeout = timeout

    def send(self, message: Message, now: datetime) -> Delivery:
        """Send it once. Blocks; never raises for what the server does."""
        if self._server is None:
            return Unreached("no mail server: set FS_APP_SMTP_URL")
        if not is_mail_address(message.destination):
            return Refused("the destination is not a mail address")
        mail = compose(message, self._server.sender, now)
        try:
            return self._deliver(self._server, mail, message.destination)
        except smtplib.SMTPRecipientsRefused as exc:
            code, words = next(iter(exc.recipients.values()))
            return _judge(code, words)
        except smtplib.SMTPAuthenticationError as exc:
            return Unreached(f"the mail server refused our user name or password: {exc.smtp_code}")
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as exc:
            return _judge(exc.smtp_code, exc.smtp_error)
        except (smtplib.SMTPException, OSError) as exc:
            return Unreached(f"the mail server did not take it: {_line(str(exc)) or type(exc).__name__}")

    def _deliver(self, server: SmtpServer, mail: EmailMessage, recipient: str) -> Delivery:
        context = self._context or ssl.create_default_context()
        if server.tls == "always":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        with connection:
            if server.tls == "start":
                connection.starttls(context=context)
            if server.user:
                connection.login(server.user, server.password)
            # The envelope's sender is ours: bounces come back to it, not to who the template claims to be.
            connection.send_message(mail, from_addr=server.sender, to_addrs=[recipient])
        return Delivered(str(mail["Message-ID"]))


def _judge(code: int, words: bytes | str) -> Delivery:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    reason = f"the mail server answered {code} {_line(said)}"
    return Refused(reason) if 500 <= code < 600 else Declined(reason)


def _line(text: str) -> str:
    return clean(text)[:200]


def _plain(text: str) -> str:
    """Lines of printable text; half surrogate pairs cannot be encoded."""
    kept = "".join(c for c in text.replace("\r\n", "\n") if c.isprintable() or c in "\n\t")
    return kept.encode("utf-8", "replace").decode()
