"""Writes metrics.json: figures by scikit-learn, SciPy and SQuAD's official scripts. Run it with no arguments.

SQuAD 2.0's script is the one that `transformers` carries; 1.1's is written here after its published text.
"""

import json
import math
import pathlib
import random
import types
import warnings
from collections import Counter

from scipy import stats
from sklearn import metrics
from transformers.data.metrics import squad_metrics as v2

generator = random.Random(3)
warnings.simplefilter("ignore")  # Of constant input, where the golden holds what comes of it.


def labels(rows, classes, agreement):
    actual = [generator.randrange(classes) for _ in range(rows)]
    predicted = [label if generator.random() < agreement else generator.randrange(classes) for label in actual]
    return predicted, actual


def scores(rows, step):
    """Multiples of `step` in [0, 5]: coarse ones tie."""
    actual = [generator.randrange(int(5 / step) + 1) * step for _ in range(rows)]
    noise = int(2 / step)
    return [min(5, max(0, score + generator.randint(-noise, noise) * step)) for score in actual], actual


CLASSIFIED = {
    "two labels": labels(200, 2, 0.7),
    "two labels, worse than chance": ([1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 1, 0]),
    "three labels": labels(200, 3, 0.6),
    "three labels, one never said": ([0, 1, 0, 1, 0, 1], [0, 1, 2, 1, 0, 2]),
    "three labels, one never true": ([0, 1, 2, 1, 2, 1], [0, 1, 1, 1, 0, 0]),
    "all right": ([0, 1, 1, 0], [0, 1, 1, 0]),
    "all wrong": ([1, 0, 0, 1], [0, 1, 1, 0]),
    "constant predictions, 0": ([0, 0, 0, 0], [0, 1, 1, 0]),
    "constant predictions, 1": ([1, 1, 1, 1], [0, 1, 1, 0]),
    "constant labels": ([0, 1, 1, 0], [1, 1, 1, 1]),
    "no positives anywhere": ([0, 0, 0], [0, 0, 0]),
    "one row": ([1], [1]),
}

SCORED = {
    "few ties": scores(200, 0.001),
    "many ties": scores(200, 0.5),
    "a perfect line": ([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]),
    "a falling curve": ([1.0, 2.0, 3.0, 4.0, 5.0], [100.0, 10.0, 1.0, 0.1, 0.01]),
    "two rows": ([1.0, 2.0], [3.0, 1.0]),
    "all but one tied": ([0.1, 0.1, 0.1, 0.7], [0.2, 0.4, 0.4, 0.1]),
    "far from zero": ([1e6 + 0.25, 1e6 + 0.5, 1e6 + 0.125, 1e6], [3.0, 2.0, 2.5, 1.0]),
    "constant predictions": ([0.1] * 7, [1.0, 2.0, 3.0, 1.5, 2.5, 3.5, 4.0]),
    "constant labels": ([1.0, 2.0, 3.0], [0.3] * 3),
}


def classified(predicted, actual):
    binary = set(predicted + actual) <= {0, 1}
    return {
        "predictions": predicted,
        "labels": actual,
        "accuracy": metrics.accuracy_score(actual, predicted),
        "f1": metrics.f1_score(actual, predicted, zero_division=0) if binary else None,
        "matthews": metrics.matthews_corrcoef(actual, predicted),
    }


def finite(value):
    return None if math.isnan(value) else float(value)


def scored(predicted, actual):
    return {
        "predictions": predicted,
        "labels": actual,
        "pearson": finite(stats.pearsonr(predicted, actual).statistic),
        "spearman": finite(stats.spearmanr(predicted, actual).statistic),
    }


ANSWERS = [
    # Prediction, gold answers.
    ("Denver Broncos", ["Denver Broncos", "the Denver Broncos"]),
    ("The denver  broncos!", ["Denver Broncos"]),
    ("a theatre in an anthill", ["theatre in anthill", "the anthill"]),
    ("Santa Clara, California", ["Levi's Stadium in the San Francisco Bay Area at Santa Clara, California."]),
    ("to be or not to be", ["to be", "not to be"]),
    ("be be be", ["be"]),
    ("42", ["forty-two", "forty two"]),
    ("forty-two", ["fortytwo"]),
    ("U.S.", ["US", "United States"]),
    ("", ["gold"]),
    ("gold", ["silver"]),
    (".", ["interventionism", "."]),
    ("", [".", "the"]),
    ("the", ["a", "cat"]),
    ("the", ["An!"]),
    ("Café", ["café"]),
    ("cafe", ["café"]),
    ("ΟΔΟΣ ΣΟΦΟΣ", ["οδος σοφος"]),
    ("İstanbul", ["istanbul", "i̇stanbul"]),
    ("“quoted”", ["quoted", "“quoted”"]),
    ("1990–91", ["1990-91", "1990–91"]),
    ("中文 書", ["中文 書", "中文書"]),
    ("thé à la menthe", ["thé à la menthe verte"]),
    ("a\u0301 b", ["b", "\u0301 b"]),  # A combining accent is no letter: the article before it goes.
    ("a² the½ an_ _a", ["a²", "an_ _a", "an a"]),
    ("no\u00a0break\u2003space", ["no break space"]),
    ("unit\u001fand\u0085line", ["unit and line"]),
    ("bom\ufeffbom", ["bom bom", "bombom"]),
    ("😀 the smile", ["😀 smile", "smile"]),
    ("", []),
    ("the", []),
    ("something", []),
    ("?", []),
]


def v1_scores(prediction, golds):
    """evaluate-v1.1.py: exact_match_score and f1_score, metric_max_over_ground_truths."""

    def f1(gold):
        words, gold_words = v2.normalize_answer(prediction).split(), v2.normalize_answer(gold).split()
        shared = sum((Counter(words) & Counter(gold_words)).values())
        if shared == 0:
            return 0
        precision, recall = shared / len(words), shared / len(gold_words)
        return 2 * precision * recall / (precision + recall)

    exact = max(v2.normalize_answer(prediction) == v2.normalize_answer(gold) for gold in golds)
    return {"exactMatch": int(exact), "squadF1": max(f1(gold) for gold in golds)}


def questions(pairs, odds):
    ids = [f"q{i}" for i in range(len(pairs))]
    examples = [
        types.SimpleNamespace(qas_id=id, answers=[{"text": gold} for gold in golds]) for id, (_, golds) in zip(ids, pairs)
    ]
    predictions = {id: prediction for id, (prediction, _) in zip(ids, pairs)}
    exact, f1 = v2.get_raw_scores(examples, predictions)
    # A threshold of infinity leaves every answer as it is: the odds only enter the search for the best threshold.
    evaluation = v2.squad_evaluate(examples, predictions, dict(zip(ids, odds)), math.inf)
    return {
        "predictions": predictions,
        "golds": [golds for _, golds in pairs],
        "nullOdds": odds,
        "each": [{"exactMatch": exact[id], "squadF1": f1[id]} for id in ids],
        "evaluation": evaluation,
    }


def main():
    answerable = [pair for pair in ANSWERS if pair[1]]
    odds = [generator.randrange(-12, 13) / 2 for _ in ANSWERS]  # With ties.
    told = [(-6 if golds else 6) + generator.random() * 8 - 4 for _, golds in ANSWERS]  # Odds worth a threshold.
    golden = {
        "normalised": {text: v2.normalize_answer(text) for pair in ANSWERS for text in [pair[0], *pair[1]]},
        "classified": {name: classified(*given) for name, given in CLASSIFIED.items()},
        "scored": {name: scored(*given) for name, given in SCORED.items()},
        "squad1": [
            {"prediction": prediction, "golds": golds, **v1_scores(prediction, golds)} for prediction, golds in answerable
        ],
        "squad2": {
            "odds that tie": questions(ANSWERS, odds),
            "odds that tell": questions(ANSWERS, told),
            "only answerable": questions(answerable, odds[: len(answerable)]),
            "only unanswerable": questions([pair for pair in ANSWERS if not pair[1]], [1.0, -1.0, 0.5, 0.0]),
        },
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},", "},\n") + "\n")


main()
