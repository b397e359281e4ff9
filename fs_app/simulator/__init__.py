"""A switch in a box: it speaks FreeSWITCH's event socket over real TCP, with scripted callees.

It shares no code with ``fs_app.switch``: its encoder and its parser are its own, so that a misunderstanding on one
side cannot hide on the other.
"""

from fs_app.simulator.callees import BUILT_IN, Callee, HangUp, Press, Talk
from fs_app.simulator.misbehave import Misbehaviour
from fs_app.simulator.server import Simulator, run

__all__ = ["BUILT_IN", "Callee", "HangUp", "Misbehaviour", "Press", "Simulator", "Talk", "run"]
