"""The SSH wire format: the few data types of RFC 4251 section 5 that keys and signatures use.

It refuses what OpenSSH forgives: lengths beyond the data, numbers that are negative or padded,
names that are not printable ASCII, and bytes left over at the end.
"""

from __future__ import annotations

import struct

MAX_BYTES = 65_536
"""The longest blob that is looked at; the largest RSA signature needs less than a tenth."""

MAX_NUMBER_BYTES = 2048
"""The longest number: 16,384 bits, the largest RSA modulus that OpenSSL takes."""


class WireError(ValueError):
    """The bytes are not what the format demands; the message says what is wrong."""


class Reader:
    """Reads the values of a blob one after another, from the first byte to the last.

    Every method raises WireError if the value is not there or not in its only proper form.
    """

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise WireError(f"{len(data)} bytes are more than the {MAX_BYTES} that are looked at")
        self._data = data
        self._offset = 0

    def raw(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        end = self._offset + length
        if end > len(self._data):
            left = len(self._data) - self._offset
            raise WireError(f"{length} bytes are announced and {left} are left")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken

    def byte(self) -> int:
        """Return a byte as a number from 0 to 255."""
        return self.raw(1)[0]

    def uint32(self) -> int:
        """Return a 32-bit unsigned number, most significant byte first."""
        return int.from_bytes(self.raw(4), "big")

    def string(self) -> bytes:
        """Return a string: arbitrary bytes behind their length."""
        return self.raw(self.uint32())

    def name(self) -> str:
        """Return a string that names an algorithm: printable ASCII, at most 64 characters."""
        value = self.string()
        if not 0 < len(value) <= 64 or any(not 0x21 <= byte <= 0x7E for byte in value):  # noqa: PLR2004
            raise WireError("the name of an algorithm is 1 to 64 printable ASCII characters")
        return value.decode("ascii")

    def mpint(self) -> int:
        """Return a number that is not negative and has no needless zero in front."""
        value = self.string()
        number = int.from_bytes(value, "big", signed=True)
        if number.bit_length() > 8 * MAX_NUMBER_BYTES:
            raise WireError(f"a number of {len(value)} bytes is longer than {MAX_NUMBER_BYTES}")
        if number < 0:
            raise WireError("a number is negative")
        if value != mpint_body(number):
            raise WireError("a number is padded with zeros it does not need")
        return number

    def end(self, what: str) -> None:
        """Refuse bytes that are left over behind `what`."""
        left = len(self._data) - self._offset
        if left:
            raise WireError(f"{left} bytes are left over after {what}")


def string(value: bytes) -> bytes:
    """Return `value` behind its length, as the `string` of RFC 4251."""
    return struct.pack(">I", len(value)) + value


def mpint_body(number: int) -> bytes:
    """Return the shortest two's complement form of a number that is not negative."""
    return number.to_bytes((number.bit_length() + 8) // 8, "big") if number else b""
