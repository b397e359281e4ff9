"""How many sound files are kept: those used last, up to a size, and never one that a call may be playing.

A file's modification time says when a call last asked for it, so that every process that shares the directory sees it.
What was asked for within the longest call there can be is not touched, even when that exceeds the size.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_DOWN_TO = 0.9  # of the limit, once it is passed: not one file for every new one
_MEASURE = 100
_ABANDONED = 3600.0  # seconds after which a file that was being written has no writer any more


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    used: float


class SoundCache:
    """``limit`` in bytes for all ``rooms`` together; ``in_use`` in seconds, at least as long as any call."""

    def __init__(self, rooms: Sequence[Path], limit: int, in_use: float) -> None:
        self._rooms = rooms
        self._limit = limit
        self._in_use = in_use
        self._lock = threading.Lock()
        self._size = 0
        self._measure_in = 0  # additions until the directory is measured again: other processes add to it, too

    def use(self, path: str) -> bool:
        """Whether the file is there; if so, it was used now. One system call: fit for the loop."""
        try:
            os.utime(path)
        except PermissionError:  # of another process's user; it is there all the same
            return os.path.exists(path)
        except OSError:
            return False
        return True

    def added(self, path: str) -> None:
        """A file has been written; past the limit, the ones used longest ago go. Reads the directory now and then:
        never in the loop."""
        with self._lock, suppress(OSError):
            new = os.stat(path)
            self._size += new.st_size
            self._measure_in -= 1
            if self._measure_in < 0:
                self._size = sum(file.size for file in self._files())
                self._measure_in = _MEASURE
            if self._size > self._limit:
                # When all of it is in use, look again after so much more, not after every file.
                self._size = min(self._evict(new.st_mtime), int(self._limit * _DOWN_TO))

    def _evict(self, now: float) -> int:
        """What is left, in bytes. ``now`` is by the file system's clock, as are the times of the files."""
        files = sorted(self._files(), key=lambda file: file.used)
        size = sum(file.size for file in files)
        gone = 0
        for file in files:
            hidden = os.path.basename(file.path).startswith(".")
            if size <= self._limit * _DOWN_TO or file.used > now - self._in_use:
                break
            if hidden and file.used > now - _ABANDONED:
                continue
            with suppress(OSError):
                if os.stat(file.path).st_mtime != file.used:
                    continue  # asked for meanwhile
                os.unlink(file.path)
                size -= file.size
                gone += 1
        if size > self._limit:
            log.warning("the sounds in use take %d bytes, more than FS_APP_SOUNDS_LIMIT allows", size)
        elif gone:
            log.info("%d sound files that nobody used lately are gone; %d bytes stay", gone, size)
        return size

    def _files(self) -> list[_File]:
        found = []
        for room in self._rooms:
            with os.scandir(room) as entries:
                for one in entries:
                    with suppress(OSError):
                        about = one.stat(follow_symlinks=False)
                        found.append(_File(one.path, about.st_size, about.st_mtime))
        return found
