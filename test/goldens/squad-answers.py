"""Writes squad-answers.json: answers by Hugging Face's postprocess_qa_predictions (utils_qa.py) of made-up logits. Run it with no arguments."""

import json
import pathlib
import random

import numpy as np

generator = random.Random(11)

CONTEXT = "At dawn 😀 the ferry — unpainted since 1931 — left Łódź for the isle of Ål; nobody sang, two dogs slept, and Zoë counted 17 gulls."


def units(text):
    return len(text.encode("utf-16-le")) // 2


def tokens():
    """Words of the passage, as (start, end) in code points."""
    offsets, at = [], 0
    for word in CONTEXT.split(" "):
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    return offsets


def window(question, start, end):
    """[CLS] question [SEP] words [SEP], with logits that differ from each other: ties have no order in the recipe."""
    passage = tokens()[start:end]
    length = 1 + question + 1 + len(passage) + 1
    return {
        "offsets": [None] * (question + 2) + passage + [None],
        "start_logits": np.array([logit / 64 for logit in generator.sample(range(-500, 500), length)]),
        "end_logits": np.array([logit / 64 for logit in generator.sample(range(-500, 500), length)]),
    }


def postprocess_qa_predictions(windows, version_2_with_negative, n_best_size, max_answer_length, null_score_diff_threshold):
    """The body of the function of utils_qa.py for one example."""
    min_null_prediction = None
    prelim_predictions = []
    for feature in windows:
        start_logits, end_logits = feature["start_logits"], feature["end_logits"]
        offset_mapping = feature["offsets"]
        feature_null_score = start_logits[0] + end_logits[0]
        if min_null_prediction is None or min_null_prediction["score"] > feature_null_score:
            min_null_prediction = {
                "offsets": (0, 0),
                "score": feature_null_score,
                "start_logit": start_logits[0],
                "end_logit": end_logits[0],
            }
        start_indexes = np.argsort(start_logits)[-1 : -n_best_size - 1 : -1].tolist()
        end_indexes = np.argsort(end_logits)[-1 : -n_best_size - 1 : -1].tolist()
        for start_index in start_indexes:
            for end_index in end_indexes:
                if offset_mapping[start_index] is None or offset_mapping[end_index] is None:
                    continue
                if end_index < start_index or end_index - start_index + 1 > max_answer_length:
                    continue
                prelim_predictions.append(
                    {
                        "offsets": (offset_mapping[start_index][0], offset_mapping[end_index][1]),
                        "score": start_logits[start_index] + end_logits[end_index],
                        "start_logit": start_logits[start_index],
                        "end_logit": end_logits[end_index],
                    }
                )
    null_score = min_null_prediction["score"]
    if version_2_with_negative:
        prelim_predictions.append(min_null_prediction)
    predictions = sorted(prelim_predictions, key=lambda x: x["score"], reverse=True)[:n_best_size]
    if version_2_with_negative and not any(p["offsets"] == (0, 0) for p in predictions):
        predictions.append(min_null_prediction)
    for prediction in predictions:
        offsets = prediction["offsets"]
        prediction["text"] = CONTEXT[offsets[0] : offsets[1]]
    assert not (len(predictions) == 0 or (len(predictions) == 1 and predictions[0]["text"] == "")), "no span at all"
    scores = np.array([prediction["score"] for prediction in predictions])
    exp_scores = np.exp(scores - np.max(scores))
    probs = exp_scores / exp_scores.sum()
    n_best = [
        {
            "text": prediction["text"],
            "startLogit": float(prediction["start_logit"]),
            "endLogit": float(prediction["end_logit"]),
            "probability": float(f"{prob:.9g}"),
        }
        for prob, prediction in zip(probs, predictions)
    ]
    if not version_2_with_negative:
        return {"text": predictions[0]["text"], "nullOdds": 0, "nBest": n_best}
    best = next(prediction for prediction in predictions if prediction["text"] != "")
    score_diff = float(null_score - best["start_logit"] - best["end_logit"])
    text = "" if score_diff > null_score_diff_threshold else best["text"]
    return {"text": text, "nullOdds": score_diff, "nBest": n_best}


def main():
    count = len(tokens())
    examples = [[window(generator.randint(2, 6), 0, count)] for _ in range(3)]
    examples += [[window(4, 0, 12), window(4, 8, 20), window(4, 16, count)] for _ in range(4)]
    for windows in examples[1::2]:  # Half of them where no answer is likely, in some window or in all.
        for feature in windows[: generator.randint(1, 3)]:
            feature["start_logits"][0] = feature["end_logits"][0] = 8.5
    options = [
        {"hasUnanswerable": False, "nBest": 20, "maxAnswerLength": 30, "nullThreshold": 0.0},
        {"hasUnanswerable": False, "nBest": 10, "maxAnswerLength": 3, "nullThreshold": 0.0},
        {"hasUnanswerable": True, "nBest": 20, "maxAnswerLength": 30, "nullThreshold": 0.0},
        {"hasUnanswerable": True, "nBest": 10, "maxAnswerLength": 4, "nullThreshold": -8.0},
        {"hasUnanswerable": True, "nBest": 10, "maxAnswerLength": 4, "nullThreshold": 4.0},
    ]
    golden = {
        "context": CONTEXT,
        "windows": [
            {
                "example": example,
                "contextStart": feature["offsets"].index((next(o for o in feature["offsets"] if o))),
                "starts": [units(CONTEXT[: offset[0]]) for offset in feature["offsets"] if offset],
                "ends": [units(CONTEXT[: offset[1]]) for offset in feature["offsets"] if offset],
                "startLogits": feature["start_logits"].tolist(),
                "endLogits": feature["end_logits"].tolist(),
            }
            for example, windows in enumerate(examples)
            for feature in windows
        ],
        "cases": [
            {
                "options": given,
                "answers": [
                    postprocess_qa_predictions(
                        windows,
                        given["hasUnanswerable"],
                        given["nBest"],
                        given["maxAnswerLength"],
                        given["nullThreshold"],
                    )
                    for windows in examples
                ],
            }
            for given in options
        ],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},{", "},\n{") + "\n")


main()
