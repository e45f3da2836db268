"""Characters of the fonts Symbol and Wingdings, which have places of their own for them, in Unicode."""

from collections.abc import Mapping

_GREEK = {
    **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
}
_SIGNS = {
    **dict(zip(bytes.fromhex("25 2B 2D 2F 3C 3D 3E"), "%+−/<=>", strict=True)),
    **dict(zip(bytes.fromhex("A2 A3 A5 AC AD AE AF"), "′≤∞←↑→↓", strict=True)),
    **dict(zip(bytes.fromhex("B0 B1 B2 B3 B4 B7 B8 B9 BA BB"), "°±″≥×•÷≠≡≈", strict=True)),
    **dict(zip(bytes.fromhex("D6 D7 E5"), "√⋅∑", strict=True)),
}
_DIGITS = {code: chr(code) for code in range(0x30, 0x3A)}
_FONTS: Mapping[str, Mapping[int, str]] = {
    "symbol": _GREEK | _SIGNS | _DIGITS,
    "wingdings": {0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑", 0xA8: "☐", 0xE0: "→"},
}
_PRIVATE = range(0xF000, 0xF100)  # where Word says the codes of such fonts
_ASCII_OR_CONTROL = 0xA0
_LARGEST = 0xD800  # surrogates and what is private come then


def symbol(font: str, code: str) -> str:
    """The character that has `code`, four hexadecimal digits, in `font`; nothing where it is not known."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    if (places := _FONTS.get(font.strip().lower())) is not None:
        return places.get(number - _PRIVATE.start if number in _PRIVATE else number, "")
    return chr(number) if _ASCII_OR_CONTROL <= number < _LARGEST else ""
