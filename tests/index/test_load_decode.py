import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import DamagedDocument, UnsupportedFormat
from index.load.decode import decode

FRENCH = "L'été, à la forêt, l'élève reçut une leçon très sévère. Il était déjà là où naît le fleuve."
RUSSIAN = "Утром над рекой стоял туман, и рыбаки молча смотрели на воду. Потом взошло солнце."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy, když přišel večer a všichni seděli u ohně."
GREEK = "Το πρωί η θάλασσα ήταν ήσυχη και οι ψαράδες κοιτούσαν τον ουρανό χωρίς να μιλούν."
JAPANESE = "朝、川の上に霧がかかっていて、漁師たちは黙って水を見つめていた。やがて日が昇った。"
CHINESE = "早晨河面上起了雾，渔夫们默默地看着水面。后来太阳升起来了，大家都笑了。"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("text", ["plain ASCII\nin two lines", FRENCH, RUSSIAN + " " + CHINESE + "\n"])
def test_unicode_is_decoded_with_and_without_a_byte_order_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), name="a.txt") == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (CZECH, "cp1250"),
        (GREEK, "cp1253"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gb18030"),
        ("## können\n\näöüß", "cp1252"),
        ("caf\xe9", "cp1252"),
    ],
)
def test_the_charset_of_old_files_is_guessed(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), name="a.txt") == text


def test_a_text_in_no_known_charset_is_refused_rather_than_mangled() -> None:
    with pytest.raises(UnsupportedFormat, match=r"'a.txt' can't be told: save it as UTF-8"):
        decode(bytes(range(0x80, 0x100)), name="a.txt")


def test_the_telling_letters_are_found_deep_inside_a_long_line() -> None:
    text = "word " * 100_000 + RUSSIAN
    assert decode(text.encode("cp1251"), name="a.txt") == text


def test_a_declared_charset_is_believed_where_the_bytes_make_sense_in_it() -> None:
    assert decode("Привет".encode("koi8_r"), name="a.html", declared="KOI8-R") == "Привет"


@pytest.mark.parametrize("lie", ["utf-8", "iso-8859-1", "shift_jis", "no-such-charset", "base64", "idna", ""])
def test_a_declared_charset_that_lies_is_not_believed(lie: str) -> None:
    assert decode(RUSSIAN.encode("cp1251"), name="a.html", declared=lie) == RUSSIAN


def test_utf8_is_believed_more_than_a_declared_charset() -> None:
    assert decode(FRENCH.encode(), name="a.html", declared="iso-8859-1") == FRENCH


def test_broken_bytes_in_utf8_are_marked_and_the_rest_is_kept() -> None:
    assert decode(RUSSIAN.encode() + b"\xff", name="a.txt") == RUSSIAN + "\ufffd"


def test_bytes_that_contradict_their_byte_order_mark_are_damaged() -> None:
    with pytest.raises(DamagedDocument, match=r"'a.txt' has the byte order mark of utf-16-le"):
        decode(b"\xff\xfea\0b", name="a.txt")


def test_a_stray_nul_does_not_make_text_binary() -> None:
    assert decode(b"\0" + b"some text " * 20, name="a.txt") == "\0" + "some text " * 20


def test_binary_data_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match=r"'a.bin' holds binary data"):
        decode(bytes(range(256)) * 4, name="a.bin")


@given(st.binary())
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        text = decode(data, name="a.txt")
    except (UnsupportedFormat, DamagedDocument):
        return
    assert bool(text) == bool(data) or data in {b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"}


@given(st.text())
def test_utf8_is_always_decoded_as_utf8_unless_it_is_full_of_controls(text: str) -> None:
    data = text.encode()
    try:
        decoded = decode(data, name="a.txt")
    except UnsupportedFormat:
        assert any(character < " " for character in text)
    else:
        assert decoded == text.removeprefix("\ufeff") or any(character in text for character in "\0\x1b")


@pytest.mark.parametrize(
    "text", ["The secret colour is mauve.\0 bin\n", "a\0bcdefghijklmnopqrstuvw", "Größe: 3 m\0 oder mehr\n"]
)
def test_a_stray_nul_makes_no_wide_letters_of_text(text: str) -> None:
    assert decode(text.encode(), name="a.txt") == text


RULES = "ПОЛОЖЕНИЕ О ЗАЩИТЕ ДАННЫХ. СВЕДЕНИЯ О РАБОТНИКЕ ХРАНЯТСЯ В ЗАКРЫТОМ ШКАФУ 75 ЛЕТ. "
INVOICE = "СЧЁТ НА ОПЛАТУ\nг. КАЗАНЬ\n"
PEOPLE = "ИМЯ;ФАМИЛИЯ;ВОЗРАСТ\nАННА;ПЕТРОВА;30\n"


@pytest.mark.parametrize("text", [RULES, RULES * 20, INVOICE, PEOPLE])
@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "cp866", "mac_cyrillic"])
def test_capitals_alone_are_not_taken_for_the_small_letters_of_another_charset(
    text: str, encoding: str
) -> None:
    assert decode(text.encode(encoding), name="a.txt") == text


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "text",
    [
        "The bill of Señor Núñez was paid by Håkon Bjørnsen, and Chloë was at the door with Jürgen. " * 10,
        "The jar is kept at 20 °C, and the fee for it is £30 in the first week. " * 10,
        "Area of the hall: 30 m²\n",
    ],
)
def test_english_with_names_and_symbols_is_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), name="a.txt") == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("サーバ\nルータ\nケーブル\n", "cp932"),
        ("ｹﾞﾝｺﾞ ｾｯﾃｲ ｦ ﾍﾝｺｳ ｼﾏｼﾀ\n" * 10, "euc_jp"),
        ("Keep the jar below 25 °C, ±3 %.", "cp850"),
        ("الموظف له إجازة سنوية مدتها ثلاثون يوما في السنة", "iso8859_6"),
        ("Сотрудник имеет право на отпуск. Заявление подаётся начальнику.", "mac_cyrillic"),
        ("Ціна договору становить десять тисяч гривень.", "koi8_u"),
        ("第2章 勤務時間は1日8時間とする。\r\n休憩は60分とし、12時から取る。\r\n" * 30, "utf-16-le"),
        ("第2章 勤務時間は1日8時間とする。\r\n休憩は60分とし、12時から取る。\r\n" * 30, "utf-16-be"),
        ("本公司员工每年享有十天带薪休假。", "utf-16-le"),
        ("회사는 직원에게 매년 열흘의 휴가를 준다.", "utf-16-be"),
    ],
)
def test_texts_that_resemble_those_in_another_charset_are_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), name="a.txt") == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Stock\nid,item\n1,皿,20\n2,箸,30\n", "euc_jp"),
        ("見積書", "utf-16-le"),
        ("見積書", "utf-16-be"),
        ("年度报告", "gbk"),
        ("Señora Peña, Zoë, Björn", "cp850"),
        ("ｹﾞﾝｺﾞ ｾｯﾃｲ ｦ ﾍﾝｺｳ\n", "cp932"),
    ],
)
def test_a_short_text_is_read_right_or_refused(text: str, encoding: str) -> None:
    try:
        decoded = decode(text.encode(encoding), name="a.txt")
    except UnsupportedFormat:
        return
    assert decoded == text
