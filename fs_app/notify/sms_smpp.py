"""Short messages over SMPP 3.4: bind, submit every part, unbind. One connection a message, in a native thread."""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from smpplib import consts, exceptions, smpp
from smpplib.client import Client

from fs_app.domain.sending import Declined, Delivered, Delivery, Message, Refused, Unreached
from fs_app.notify import sms_text
from fs_app.notify.deadline import cut_after

TIMEOUT = 10.0  # seconds for each answer
TOTAL = 60.0  # seconds for all parts of a message
_PDUS_MAX = 50  # read while waiting for one answer
# SMPP 3.4, 5.1.3. What is wrong with this message, for ever; what the other side has too much of just now.
_PERMANENT = frozenset({0x01, 0x02, 0x0A, 0x0B, 0x33, 0x34, 0x48, 0x49, 0x50, 0x51})
_BUSY = frozenset({0x08, 0x14, 0x58})
_log = logging.getLogger("fs_app.smpp")
_log.setLevel(logging.ERROR)  # the library logs PDUs, and so people's messages


class _SmppClient(Client):  # type: ignore[misc]  # the library has no types
    """Connects over IPv4 and IPv6, and checks the name in the certificate when over TLS."""

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=timeout, logger_name=_log.name, allow_unknown_opt_params=True)
        self._context = context

    def connect(self) -> None:
        self._socket = socket.create_connection((self.host, self.port), timeout=self.timeout)
        if self._context is not None:  # a socket whose handshake fails is closed by it
            self._socket = self._context.wrap_socket(self._socket, server_hostname=self.host)
        self.state = consts.SMPP_CLIENT_STATE_OPEN

    @property
    def socket(self) -> socket.socket:
        assert self._socket is not None
        return self._socket

    def answer_to(self, sequence: int) -> Any:
        """The response with that sequence number; what comes before it is answered or passed over."""
        for _ in range(_PDUS_MAX):
            pdu = self.read_pdu()
            if pdu.sequence == sequence and pdu.command.endswith(("_resp", "generic_nack")):
                return pdu
            if pdu.command == "enquire_link":
                self._enquire_link_received(pdu)
        raise exceptions.ConnectionError("talks, but does not answer")


class SmppSms:
    def __init__(
        self,
        timeout: float = TIMEOUT,
        total_seconds: float = TOTAL,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._timeout = timeout
        self._total = total_seconds
        self._context = context

    def send(self, message: Message, values: Mapping[str, str], parameters: Mapping[str, Any]) -> Delivery:
        """Submit it once. Blocks; never raises for what the other side does.

        When one of several parts was taken and another is not, the message as a whole is *unreached*.
        """
        context = self._context() if parameters.get("tls") else None
        client = _SmppClient(str(parameters["host"]), int(parameters["port"]), self._timeout, context)
        try:
            client.connect()
            with cut_after(self._total, client.socket):
                try:
                    return self._submit(client, message, values, parameters)
                finally:
                    _leave(client)
        except exceptions.PDUError as exc:
            status = int(exc.args[1]) if len(exc.args) > 1 else 0
            return Unreached(f"the service did not let us in: {_name(status)}")
        except (OSError, exceptions.ConnectionError, exceptions.UnknownCommandError, ValueError, TypeError) as exc:
            return Unreached(f"the service did not answer: {str(exc) or type(exc).__name__}")

    def _submit(
        self, client: _SmppClient, message: Message, values: Mapping[str, str], parameters: Mapping[str, Any]
    ) -> Delivery:
        client.bind_transmitter(
            system_id=str(parameters["system_id"]),
            password=str(parameters.get("password", "")),
            system_type=str(parameters.get("system_type", "")),
        )
        # The same message has the same reference each time, so that repeated parts find their likes.
        parts = sms_text.split(values["text"], hashlib.sha256(message.key.encode()).digest()[0])
        references: list[str] = []
        for body in parts.bodies:
            sent = smpp.make_pdu(
                "submit_sm",
                client=client,
                source_addr=values["from"],
                source_addr_ton=int(parameters.get("source_ton", _ton(values["from"]))),
                source_addr_npi=int(parameters.get("source_npi", 1 if values["from"].lstrip("+").isdigit() else 0)),
                destination_addr=values["to"].removeprefix("+"),
                dest_addr_ton=int(parameters.get("dest_ton", 1 if values["to"].startswith("+") else 0)),
                dest_addr_npi=int(parameters.get("dest_npi", 1)),
                data_coding=parts.coding,
                esm_class=consts.SMPP_GSMFEAT_UDHI if parts.header else 0,
                short_message=body,
            )
            client.send_pdu(sent)
            answer = client.answer_to(sent.sequence)
            if answer.status != consts.SMPP_ESME_ROK:
                return _not_taken(int(answer.status), bool(references))
            reference = getattr(answer, "message_id", None) or b""
            references.append(reference.decode("ascii", "replace") if isinstance(reference, bytes) else str(reference))
        return Delivered(",".join(r for r in references if r)[:200])


def _not_taken(status: int, some_taken: bool) -> Delivery:
    reason = f"not taken: {_name(status)}"
    if some_taken or status in _BUSY:
        return Unreached(reason)
    return Refused(reason) if status in _PERMANENT else Declined(reason)


def _name(status: int) -> str:
    return f"0x{status:08X} {consts.DESCRIPTIONS.get(status, 'unknown status')}"


def _ton(sender: str) -> int:
    """Type of number: international, unknown, alphanumeric."""
    if sender.startswith("+"):
        return 1
    return 0 if sender.isdigit() or not sender else 5


def _leave(client: _SmppClient) -> None:
    try:
        if client.state != consts.SMPP_CLIENT_STATE_OPEN:
            client.unbind()
    except (OSError, exceptions.ConnectionError, exceptions.PDUError, exceptions.UnknownCommandError):
        pass
    # The library warns when it closes a connection that was not unbound; we have tried.
    client.state = consts.SMPP_CLIENT_STATE_OPEN
    client.disconnect()
