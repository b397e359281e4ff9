"""``conference``: rooms in which nobody hears anybody, for here no audio goes anywhere. They count and can be left."""

from __future__ import annotations

from dataclasses import dataclass, field

from fs_app.simulator.session import Session, Why


@dataclass(slots=True)
class Rooms:
    """Who is in which room, by member number. A call keeps its number for life."""

    inside: dict[str, dict[str, Session]] = field(default_factory=dict)
    _count: int = 0

    def enter(self, session: Session, argument: str) -> None:
        """The application: ``room[@profile][+flags]``, until the hang-up or ``conference room hup number``."""
        room = argument.partition("+")[0].partition("@")[0].strip()
        member = session.channel.get("conference_member_id")
        if member is None:
            self._count += 1
            member = str(self._count)
        session.channel.set("conference_name", room)
        session.channel.set("conference_member_id", member)
        members = self.inside.setdefault(room, {})
        members[member] = session
        session.note("conference", room=room)
        try:
            # uuid_break is heard but does not end it; keys are taken, and mean nothing.
            while members.get(member) is session:
                why, _ = session.pause(None, digits=True)
                if why is Why.MESSAGE:
                    session.drain()
                elif why is Why.DIGIT:
                    session.take_digit()
                elif why is Why.HANGUP:
                    break
        finally:
            members.pop(member, None)
            if not members:
                self.inside.pop(room, None)

    def api(self, arguments: str) -> str:
        """``conference ROOM hup MEMBER|all`` and ``conference ROOM list count``."""
        room, _, rest = arguments.partition(" ")
        members = self.inside.get(room)
        if members is None:
            return f"-ERR Conference {room} not found\n"
        if rest == "list count":
            return str(len(members))
        verb, _, who = rest.partition(" ")
        if verb != "hup":
            return f"-ERR Conference command '{verb}' not found.\n"
        if who != "all" and who not in members:
            return f"-ERR Non-Existant ID {who}\n"
        leaving = [who] if who != "all" else list(members)
        for member in leaving:
            members.pop(member).interrupt(flush=False)
        return "".join(f"+OK hup {member}\n" for member in leaving)
