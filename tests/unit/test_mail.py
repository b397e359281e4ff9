"""Mail, against a real SMTP server on loopback, with and without TLS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.enums import Kind
from fs_app.domain.sending import Declined, Delivered, Message, Refused, Unreached
from fs_app.domain.smtp_url import parse_smtp_url
from fs_app.errors import InvalidInput
from fs_app.notify.mail import MailSender, compose
from tests.servers import Authority, smtp_server

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def message(**payload: object) -> Message:
    words = {"subject": "Your appointment", "text": "Hello Ann.\n.\nSee you.", **payload}
    return Message(1, "t", Kind.MAIL, "key-1", "ann@example.org", words)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("tls", ["always", "start", "none"])
def test_a_mail_arrives(authority: Authority, tls: str) -> None:
    with smtp_server(tls, authority) as mailbox:
        scheme = "smtps" if tls == "always" else "smtp"
        end = "&tls=none" if tls == "none" else ""
        server = parse_smtp_url(f"{scheme}://localhost:{mailbox.port}/?from=desk@practice.example{end}")
        sender = MailSender(server, context=authority.client())
        delivery = sender.send(message(html="<p>Hello Ann.</p>"), NOW)
        assert isinstance(delivery, Delivered), delivery
        from_, to, mail, over_tls = mailbox.mails.get(timeout=20)
    assert (from_, to) == ("desk@practice.example", ["ann@example.org"])
    assert over_tls == (tls != "none")
    assert (mail["Subject"], mail["To"]) == ("Your appointment", "ann@example.org")
    assert mail["Message-ID"] == delivery.reference
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert text.get_content().splitlines() == ["Hello Ann.", ".", "See you."]
    assert html is not None
    assert html.get_content().strip() == "<p>Hello Ann.</p>"


@pytest.mark.parametrize("tls", ["always", "start"])
def test_a_server_with_a_certificate_nobody_vouches_for_gets_nothing(authority: Authority, tls: str) -> None:
    with smtp_server(tls, authority) as mailbox:
        scheme = "smtps" if tls == "always" else "smtp"
        server = parse_smtp_url(f"{scheme}://localhost:{mailbox.port}/?from=desk@practice.example")
        delivery = MailSender(server, context=ssl.create_default_context()).send(message(), NOW)
        assert isinstance(delivery, Unreached)
        assert "certificate" in delivery.reason
        assert mailbox.mails.empty()


def test_a_server_that_offers_no_tls_gets_no_password_and_no_mail(authority: Authority) -> None:
    with smtp_server("none", authority) as mailbox:
        server = parse_smtp_url(f"smtp://desk:secret@localhost:{mailbox.port}/?from=desk@practice.example")
        assert isinstance(MailSender(server, context=authority.client()).send(message(), NOW), Unreached)
        assert mailbox.mails.empty()


@pytest.mark.parametrize(("password", "kind"), [("right%40", Delivered), ("wrong", Unreached)])
def test_signing_in(authority: Authority, password: str, kind: type) -> None:
    with smtp_server("start", authority, users={"desk": "right@"}) as mailbox:
        server = parse_smtp_url(f"smtp://desk:{password}@localhost:{mailbox.port}/?from=desk@practice.example")
        delivery = MailSender(server, context=authority.client()).send(message(), NOW)
    assert isinstance(delivery, kind)
    assert isinstance(delivery, Delivered) or "user name or password" in delivery.reason


@pytest.mark.parametrize(
    ("answer", "recipient_answer", "kind"),
    [
        ("550 5.7.1 no spam here", "250 ok", Refused),
        ("451 4.3.0 try again later", "250 ok", Declined),
        ("250 ok", "550 5.1.1 no such user", Refused),
        ("250 ok", "450 4.2.1 greylisted", Declined),
    ],
)
def test_what_the_server_answers_decides(authority: Authority, answer: str, recipient_answer: str, kind: type) -> None:
    with smtp_server("none", authority) as mailbox:
        mailbox.answer, mailbox.recipient_answer = answer, recipient_answer
        server = parse_smtp_url(f"smtp://localhost:{mailbox.port}/?from=desk@practice.example&tls=none")
        delivery = MailSender(server).send(message(), NOW)
    assert isinstance(delivery, kind)
    assert (answer if answer[0] != "2" else recipient_answer)[:3] in delivery.reason


def test_nobody_listens(tmp_path: Path) -> None:
    server = parse_smtp_url("smtp://localhost:1/?from=desk@practice.example&tls=none")
    assert isinstance(MailSender(server).send(message(), NOW), Unreached)
    assert isinstance(MailSender(None).send(message(), NOW), Unreached)


@given(st.text(), st.text(), st.text())
def test_no_value_makes_a_header(subject: str, name: str, text: str) -> None:
    mail = compose(message(subject=subject, from_name=name, text=text), "desk@practice.example", NOW)
    raw = bytes(mail)
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line and line[:1] not in b" \t"]
    allowed = {b"Subject", b"From", b"To", b"Date", b"Message-ID", b"Auto-Submitted", b"MIME-Version"}
    assert set(names) - {b"Content-Type", b"Content-Transfer-Encoding"} <= allowed
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://mail.example/?from=a@b.example", "must be smtp://"),
        ("smtp://mail.example/", "needs ?from="),
        ("smtp://u:p@mail.example/?from=a@b.example&tls=none", "in clear"),
        ("smtp://mail.example/?from=a@b.example&tls=maybe", "tls must be"),
        ("smtp://mail.example/?from=a@b.example&x=1", "takes ?from="),
        ("smtp://mail.example:99999/?from=a@b.example", "must be smtp://"),
    ],
)
def test_what_a_mail_servers_address_may_be(url: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("?", r"\?")):
        parse_smtp_url(url)
