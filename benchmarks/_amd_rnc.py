"""Rob Northen's compression, method 1, as games of the nineties used it: only what reading it takes.

After a header of 18 bytes come chunks: three tables of Huffman codes (how many bytes to take as they are, how far back
to copy from, and how many), then that many turns of both. Bits come from 16-bit words, little-endian, lowest first;
bytes that are taken as they are lie between those words.
"""

from __future__ import annotations

PACKED = b"RNC\x01"
_HEADER = 18
Table = dict[tuple[int, int], int]


def unpack(data: bytes) -> bytes:
    """Raises ValueError for what is not such data, and IndexError for what ends too soon."""
    if data[:4] != PACKED:
        raise ValueError("not packed by method 1")
    return _Unpacker(data).run(int.from_bytes(data[4:8], "big"))


class _Unpacker:
    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(2)  # the last word may be half a one
        self._at = _HEADER
        self._word = self._left = 0

    def run(self, size: int) -> bytes:
        out = bytearray()
        self._bits(2)  # flags of no use here
        while len(out) < size:
            plain, back, length = self._table(), self._table(), self._table()
            for turn in range(self._bits(16), 0, -1):
                count = self._value(plain)
                out += self._data[self._at : self._at + count]
                self._at += count
                if turn > 1:
                    distance, more = self._value(back) + 1, self._value(length) + 2
                    for _ in range(more):
                        out.append(out[-distance])
        return bytes(out)

    def _bits(self, count: int) -> int:
        value = got = 0
        while got < count:
            if not self._left:
                self._word = self._data[self._at] | self._data[self._at + 1] << 8
                self._at, self._left = self._at + 2, 16
            take = min(self._left, count - got)
            value |= (self._word & ((1 << take) - 1)) << got
            self._word >>= take
            self._left -= take
            got += take
        return value

    def _table(self) -> Table:
        """The lengths of the codes; the codes themselves are counted up, the shorter ones first."""
        lengths = [self._bits(4) for _ in range(self._bits(5))]
        codes: Table = {}
        code = 0
        for length in range(1, 17):
            for symbol, wanted in enumerate(lengths):
                if wanted == length:
                    codes[length, code] = symbol
                    code += 1
            code <<= 1
        return codes

    def _value(self, codes: Table) -> int:
        code = 0
        for length in range(1, 17):
            code = code << 1 | self._bits(1)
            if (length, code) in codes:
                symbol = codes[length, code]
                return symbol if symbol < 2 else 1 << (symbol - 1) | self._bits(symbol - 1)
        raise ValueError("a code that is in no table")
