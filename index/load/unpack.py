"""How much a zipped document unpacks to, before anything reads it into memory."""

import zipfile
import zlib
from io import BytesIO

from index.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from index.load.limits import Limits

_ENTRY = b"PK\x01\x02"  # starts each member's entry in the central directory
_CHUNK = 1024 * 1024  # bytes
_ENCRYPTED = 0x1  # the bit in a member's flags


def check_unpacked(data: bytes, *, name: str, limits: Limits) -> None:
    """Refuses the ZIP archive `data` if it unpacks to more than `limits` allow.

    What the archive declares of itself is not believed: its members are unpacked, and counted.
    Raises `DocumentTooLarge`, `EncryptedDocument`, or `DamagedDocument` if it can't be unpacked.
    """
    # An upper bound of what the directory holds, before its entries are made into objects.
    if data.count(_ENTRY) > limits.max_members:
        raise DocumentTooLarge(
            f"{name!r} packs more than {limits.max_members:,} files: save it again or split it"
        )
    unpacked = 0
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.flag_bits & _ENCRYPTED:
                    raise EncryptedDocument(f"{name!r} is protected by a password: remove it and try again")
                with archive.open(member) as stream:
                    size, is_xml = 0, True
                    while chunk := stream.read(_CHUNK):
                        is_xml = is_xml and (size > 0 or _may_be_xml(chunk))
                        size += len(chunk)
                        if is_xml and size > limits.max_xml_bytes:
                            raise _too_large(name, member.filename, limits.max_xml_bytes)
                        if unpacked + size > limits.max_unpacked_bytes:
                            raise _too_large(name, "all of it", limits.max_unpacked_bytes)
                    unpacked += size
    # A wrong checksum or directory, a broken or cut stream, an unknown compression (a RuntimeError), an offset
    # outside the file (ValueError and OSError).
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
        raise DamagedDocument(
            f"{name!r} could not be unpacked ({error}): open it and save it again"
        ) from error


def _may_be_xml(start: bytes) -> bool:
    """Whether a part that starts so may be XML, in any encoding; an image is not."""
    return b"<" in start.lstrip()[:4] or not start.strip()


def _too_large(name: str, part: str, limit: int) -> DocumentTooLarge:
    return DocumentTooLarge(f"{name!r} unpacks to more than {limit:,} bytes ({part}): split it")
