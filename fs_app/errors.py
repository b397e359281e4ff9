"""The exception tree. The docstring of each class is its remedy: the command line prints it below the message."""

from __future__ import annotations


class FsAppError(Exception):
    """See the message."""


class ConfigError(FsAppError):
    """Correct the named setting in the TOML file or the environment; docs/configuration.md lists what each may be."""


class InvalidInput(FsAppError):
    """Correct the named field.

    ``field`` is the name the sender used; the message says what is wrong and what would be right.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotFound(FsAppError):
    """Check the id: nothing with it exists, or it belongs to somebody else."""


class LeaseLost(FsAppError):
    """Nothing to do: another worker has taken this attempt over, and this one has stopped touching it."""


class StoreUnavailable(FsAppError):
    """Check that the database answers at FS_APP_DATABASE; nothing was written."""


class SchemaMismatch(StoreUnavailable):
    """Run `fs-app init` of this version, with FS_APP_DATABASE as it is; or run the version that the database is for."""


class SwitchError(FsAppError):
    """Look at the switch: `fs_cli -x status`, and its event_socket.conf.xml."""


class SwitchDown(SwitchError):
    """The event socket is not connected. Check that FreeSWITCH runs and that FS_APP_ESL names its event socket."""


class SwitchRefused(SwitchError):
    """The event socket refused us. Check FS_APP_ESL_PASSWORD and the apply-inbound-acl of event_socket.conf.xml."""


class CommandRejected(SwitchError):
    """The switch answered -ERR to a command; the message holds its words."""


class SwitchTimeout(SwitchError):
    """The switch took too long to answer a command. Look at its load: `fs_cli -x status`; what was asked may still
    happen."""


class OriginateUnconfirmed(SwitchError):
    """Nobody knows whether the originate was taken: the connection broke, or fell silent, after it was written. Do not
    send it again; ask the switch for the call's UUID (`uuid_exists`) and book the attempt by what it says."""


class ProtocolError(SwitchError):
    """The peer does not speak the event socket. Check that the port belongs to mod_event_socket."""


class PromptError(FsAppError):
    """The words could not be turned into sound. Check the speech command of FS_APP_TTS and the uploaded file."""


class NoSurveyServer(PromptError):
    """Nobody would speak in the call. Run `fs-app serve --only ivr` where FS_APP_OUTBOUND says."""
