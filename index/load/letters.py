"""The letters of languages, those that are usual in them, and the charsets that their texts are in."""

WESTERN = ("cp1252", "iso8859_15", "mac_roman", "cp850", "cp437")
CENTRAL = ("cp1250", "iso8859_2", "cp852")
BALTIC = ("cp1257",)
CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic")


def _rows(charset: str, *rows: int) -> str:
    """The characters in `rows` of a national standard, which has the common ones in rows of their own."""
    codes = (bytes((row, cell)) for row in rows for cell in range(0x40, 0xFF))
    return "".join(letter for code in codes for letter in code.decode(charset, "ignore") if letter > "\x7f")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The letters beyond ASCII of languages, and the charsets that texts in them are in, the likeliest first.
# Where charsets differ in the order of a whole alphabet, the letters in front of "|" are those that make up
# most of a text, and those behind it count less.
ALPHABETS = (
    ("àâæçèéêëîïôœùûüÿ", WESTERN),  # French
    ("äöüß", WESTERN),  # German
    ("áéíñóúü¡¿ªº", WESTERN),  # Spanish
    ("àáâãçéêíóôõúªº", WESTERN),  # Portuguese
    ("àèéìòù", WESTERN),  # Italian
    ("àçèéíïòóúü·", WESTERN),  # Catalan
    ("äåæéöø", WESTERN),  # Danish, Finnish, Norwegian, Swedish
    ("áæéíðóöúýþ", WESTERN),  # Icelandic
    ("óąćęłńśźż", CENTRAL),  # Polish
    ("áäéíóôúýčďěĺľňŕřšťůž", CENTRAL),  # Czech, Slovak
    ("áéíóöúüőű", CENTRAL),  # Hungarian
    ("âîăşţ", CENTRAL),  # Romanian
    ("ćčđšž", CENTRAL),  # Croatian, Slovenian
    ("âçîöûüğış", ("cp1254",)),  # Turkish
    ("āčēģīķļņšūž", BALTIC),  # Latvian
    ("ąčėęįšūųž", BALTIC),  # Lithuanian
    ("äõöüšž", BALTIC),  # Estonian
    ("оеаинтсрвлкмдпуяыь|гзбчйхжшюцщэфъё", CYRILLIC),  # Russian
    ("аоеитнрсвдклпмзгя|ъбучжцшйщхфюь", CYRILLIC),  # Bulgarian
    ("оанивітерслкудмпзя|ьбгйчхцєжїюшщґф", CYRILLIC),  # Ukrainian
    ("аіонерсткулдвпзмяы|ўьебгчхцйжшюёэф", CYRILLIC),  # Belarusian
    ("аоиенрстујвкдплмзг|бчцхшћжљђњфџ", CYRILLIC),  # Serbian
    ("יוהלאתרמבנשם|דקחעפטכגצסזךןףץ", ("cp1255", "iso8859_8")),  # Hebrew
    ("αοιετσνηυρπκμλςάίόέή|ωδγχθφβξζψύώϊϋΐΰ", ("cp1253", "iso8859_7")),  # Greek
    ("اليمنتروبةعدسفهكأقحج،|ءآؤإئثخذزشصضطظغىپچژگ؛؟", ("cp1256", "iso8859_6")),  # Arabic, Persian
    ("านรกอเงยมล่วดท้สตะปบคหแจพช็์ัิีุูไใโำผขซถธณ|ฃฅฆฌญฎฏฐฑฒฝฟภศษฬฮฤฦฯๆฺ๊๋ฮึื๐๑๒๓๔๕๖๗๘๙", ("cp874",)),  # Thai
    (_rows("euc_kr", *range(0xB0, 0xC9)), ("cp949",)),  # its rows are some of those of Chinese
    (_rows("euc_jp", 0xA1, 0xA4, 0xA5, *range(0xB0, 0xD0)), ("cp932", "euc_jp")),
    ("".join(map(chr, range(0xFF61, 0xFFA0))), ("euc_jp",)),  # half-width katakana
    (_rows("gb2312", 0xA1, 0xA3, *range(0xB0, 0xD8)), ("gb18030",)),
    (_rows("big5", 0xA1, *range(0xA4, 0xC7)), ("big5hkscs",)),
)

# English has no accents but in names and loans, and those are of any language of the West.
LOANS = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœ")

# Pairs of letters that make up about half of those in Russian, and a third in its neighbours; a wrong
# charset leaves a tenth.
_CYRILLIC_PAIRS = _words(
    "ст но ен то на ов ни ра во ко по пр ро го ос ал ли ре ан ер ка ет ол ор не та ва ла от ом ел ло ин ит ть"
    " ат ль ри ле де те ес ве ог ат ия ие ий ый ой ая ое их ых до об од за да да ам ар ак ас ав ви ти ки ми"
    " ди си мо со бо на ма ме ми на ск тр ед ем ей ер ис из им ик ны нн ся ть сь бы вы че же ру ку ту му ус"
    " ут уч ющ ще ци ач аз ад аю лю ьн ям ят ря"
)
_GREEK_PAIRS = _words(
    "το ου τη ει αι ια στ τα ατ ον ος οσ ησ ης αν ιν να τι κα ρο εν ερ αρ ρα πο πρ οι με μα αλ λα λο σε εσ θα ικ κο κη"
    " νο τε τω ων ην ντ σα σσ ας ασ ις ισ αυ ευ σι δι δε γι εκ τρ υτ πα ρι υν ιο μο ομ απ νη ητ ιν ιτ ημ υρ εί ία ού ές"
    " ση ρε σμ ολ αθ υς ως ωσ υσ ρω αδ αρ γα κρ λι νι λε ελ τά ίν ού"
)
PAIRS = {
    **dict.fromkeys(CYRILLIC, _CYRILLIC_PAIRS),
    "cp1253": _GREEK_PAIRS,
    "iso8859_7": _GREEK_PAIRS,
}

# The characters that make up about half of a text in Chinese, Japanese or Korean, as one's rows suit all three.
COMMON = {
    "gb18030": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力与长"
    "把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体相见被二等产或新制，。",
    "big5hkscs": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作"
    "裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日者意無力與"
    "長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體相見被二等產或新制，。",
    "cp949": "이다는을의에가은한지고로하기사를서도어있인자대리시나으해정그아것수일라전부들과만주보여상",
    "cp932": _rows("euc_jp", 0xA4, 0xA5) + "、。ー",
    "euc_jp": _rows("euc_jp", 0xA4, 0xA5) + "、。ー" + "".join(map(chr, range(0xFF61, 0xFFA0))),
}

LATIN = frozenset((*WESTERN, *CENTRAL, *BALTIC, "cp1254"))
