"""Writes wordpiece-vocab.json: a vocabulary learned by Hugging Face's Python `tokenizers` (0.23.2). Run it with no arguments.

The trainer numbers the "##" characters in the order of a hash table that differs from run to run, and breaks ties
between pairs by those numbers. So the corpus is such that no tie decides, which is checked: several runs must agree
on the pieces that were merged, in order. The order of the "##" characters is not part of the golden.
"""

import json
import pathlib
import random
import subprocess
import sys

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OPTIONS = {"vocab_size": 210, "min_frequency": 2, "limit_alphabet": 31}
RUNS = 8


def word_counts() -> list:
    rng = random.Random(7)
    syllables = ["ka", "lo", "mi", "ner", "tu", "an", "es", "ri", "So", "bé", "wu", "pho", "xi", "dra", "ing", "ül", "ty", "go"]
    weights = [1 / (i + 1) ** 0.5 for i in range(len(syllables))]
    words = {}
    while len(words) < 260:
        word = "".join(rng.choices(syllables, weights, k=rng.choice([1, 2, 2, 3, 3, 4])))
        words.setdefault(word, rng.randrange(20, 4000))
    rare = {"жук": 11, "中": 9, "書": 7, "42": 301, "7,5": 57, "q😀z": 3, "ka😀lo": 2, "aaaa": 523, "aaaaaaa": 211, "(x)": 77, "ǆ": 5}
    return list((words | rare).items())


def learn(words: list) -> list:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(special_tokens=SPECIALS, show_progress=False, **OPTIONS)
    tokenizer.train_from_iterator((" ".join([word] * count) for word, count in words), trainer)
    vocab = tokenizer.get_vocab()
    return sorted(vocab, key=vocab.get)


def split(pieces: list) -> dict:
    """The specials and single characters, then the "##" characters (sorted), then the merged pieces."""
    continuing = [i for i, piece in enumerate(pieces) if piece.startswith("##") and len(piece) == 3]
    return {
        "first": pieces[: continuing[0]],
        "continuing": sorted(pieces[i] for i in continuing),
        "merged": pieces[continuing[-1] + 1 :],
    }


def main() -> None:
    words = word_counts()
    if sys.argv[1:] == ["--once"]:
        print(json.dumps(split(learn(words))))
        return
    runs = [json.loads(subprocess.check_output([sys.executable, __file__, "--once"])) for _ in range(RUNS)]
    assert all(run == runs[0] for run in runs), [r["merged"] for r in runs]
    golden = {"options": OPTIONS, "words": words, "pieces": runs[0]}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")


main()
