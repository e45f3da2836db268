"""The body of a reply, unpacked, within a limit that counts before and after unpacking."""

import zlib
from collections.abc import Iterable

from index.errors import DocumentTooLarge
from qa_service.errors import UrlUnreachable

ENCODING = "gzip"
"""The compression that is asked for; another, or one inside another, is not taken."""


def content(parts: Iterable[bytes], *, encoding: str, host: str, max_bytes: int) -> bytes:
    """The document in the parts of a body with that `Content-Encoding`.

    Raises `DocumentTooLarge` as soon as what came, or what it unpacks to, has more than `max_bytes`, and
    `UrlUnreachable` where the compression is another, is damaged, or ends before or after the body.
    """
    if encoding in ("", "identity"):
        return bytes(_joined(parts, host=host, max_bytes=max_bytes))
    if encoding not in (ENCODING, f"x-{ENCODING}"):
        raise UrlUnreachable(f"{host} sent a compression that was not asked for: only {ENCODING} is read")
    packed = _joined(parts, host=host, max_bytes=max_bytes)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = unpacker.decompress(packed, max_bytes + 1)
    except zlib.error:
        raise UrlUnreachable(f"{host} sent a damaged {ENCODING} stream") from None
    if len(found) > max_bytes:
        raise _too_large(host, max_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise UrlUnreachable(f"{host} sent a {ENCODING} stream that ends before or after the reply")
    return found


def _joined(parts: Iterable[bytes], *, host: str, max_bytes: int) -> bytearray:
    found = bytearray()
    for part in parts:
        found += part
        if len(found) > max_bytes:
            raise _too_large(host, max_bytes)
    return found


def _too_large(host: str, max_bytes: int) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"the document at {host} has more than {max_bytes / 2**20:g} MiB: QA_MAX_UPLOAD_MIB"
    )
