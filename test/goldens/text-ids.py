"""Writes text-ids.json: ids of tricky lines by Hugging Face's Python `tokenizers` (0.23.2). Run it with no arguments."""

import json
import pathlib
import string

from tokenizers import BertWordPieceTokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_letters + "éüñøßœłαλσςджя中文書豈𠀀한กा😀"
VOCAB = (
    SPECIALS
    + sorted(set(string.digits + string.punctuation + LETTERS + "–—’“”…€。，「」¿"))
    + ["##" + c for c in sorted(set(string.digits + LETTERS + "\u0301\u0308\u200d"))]
    + ["the", "The", "un", "##aff", "##able", "##ing", "hello", "world", "cafe", "caf", "naive", "resume", "中文", "don", "2026"]
)

SETTINGS = {
    "uncased": {"lowercase": True},
    "cased": {"lowercase": False},
    "uncased, accents kept": {"lowercase": True, "strip_accents": False},
    "cased, accents stripped": {"lowercase": False, "strip_accents": True},
    "uncased, Chinese characters not split": {"lowercase": True, "handle_chinese_chars": False},
}

LINES = [
    "",
    " ",
    "\t\n\r\n ",
    "Hello, WORLD! The unaffable cat isn't running.",
    "don't  stop -- 3.14 (or $2,026.50)?",
    "Café naïve résumé ÀÉÎÕÜ Ångström Øre Straße œuvre Łódź",
    "cafe\u0301 na\u0308ive u\u0308ber",  # Decomposed already.
    "İstanbul ΣΊΣΥΦΟΣ ὈΔΥΣΣΕΎΣ Джя ЁЖЙ",
    "中文書 mixed中文with latin, 豈 𠀀 and 「引號」。，",
    "한글 ᄒ하ᅡᆫ ไทย หกะ हिन्दी का",
    "emoji 😀 👨‍👩‍👧‍👦 🇩🇪 ❤️ 👍🏽 a😀b",
    "nul \u0000 bell \u0007 esc \u001b[0m del \u007f nel \u0085 end",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff rlo\u202e word\u2060joiner",
    "spaces:\u00a0\u2003\u3000\u2028\u2029\u1680x\u205fy",
    "private \ue000 \U000f0000 unassigned \u0378 replacement \ufffd nonchar \uffff \U0010ffff",
    "punctuation ¿qué? “quoted” — … · § ¶ † ‰ € ° ² ½ × ÷ ~ ` ^ | < = > + $",
    "a" * 100,
    "a" * 101,
    "hello " + "ab" * 500 + " world",
    "é" * 100 + " " + "é" * 101,
    "https://example.org/path?query=1&b=2#frag user@example.org C:\\dir\\file",
    "[MASK] the [CLS]the[SEP] [mask] [UNK] [PAD] [ MASK ] [unused0]",
    "##able able ##ing ## # ### [##]",
    "snake_case camelCase ALLCAPS x86-64 1,000,000th 2026",
    "combining: a\u0301\u0308\u0327b q\u0335 \u0301 alone",
    "ligatures ﬁ ﬂ ﬀ Ǆ ĳ ㎏ ① Ⅳ ℃ ﬅ",
    "fullwidth ＡＢＣ１２３ ｶﾀｶﾅ カタカナ ひらがな ガ",
    "arabic السلام عليكم hebrew שָׁלוֹם",
    "math 𝐀𝑏𝒞 𝟙 ∑ ∞ ≠",
    "lone \ud83d high, low \ude00 lone, reversed \ude00\ud83d, \ud800",
    "\ud83d",
]


def as_utf8(line: str) -> str:
    """Unpaired surrogates have no UTF-8: they count as U+FFFD. Python's own strings keep real pairs as one character."""
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in line)


def ids(settings: dict) -> list:
    vocab = {piece: i for i, piece in enumerate(VOCAB)}
    tokenizer = BertWordPieceTokenizer(vocab=vocab, **settings)
    return [tokenizer.encode(as_utf8(line), add_special_tokens=False).ids for line in LINES]


def main() -> None:
    assert len(set(VOCAB)) == len(VOCAB), sorted(c for c in VOCAB if VOCAB.count(c) > 1)
    golden = {"vocab": VOCAB, "lines": LINES, "ids": {name: ids(settings) for name, settings in SETTINGS.items()}}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


main()
