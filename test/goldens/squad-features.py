"""Writes squad-features.json: features of Hugging Face's question-answering recipe (run_qa.py) for questions made up here.

With arguments, TOKENIZER.json MAX_LENGTH DOC_STRIDE, prints the features of the examples that stand as JSON on standard
input. An example is {question, context, answers: [{text, start}]}, and offsets count UTF-16 units throughout, as
JavaScript does; what is handed to the recipe counts code points, as Python does.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer


def units(text, end=None):
    return len(text[:end].encode("utf-16-le", "surrogatepass")) // 2


def encodings_of(tokenizer, question, context, max_length, doc_stride):
    """What the recipe's call gives: truncation="only_second", stride, return_overflowing_tokens, padding="max_length".

    From 0.23.1 on `tokenizers` stops reading at max_length, and the windows behind it are lost
    (huggingface/tokenizers#2091). So the passage is encoded whole, and then cut by the function that the library itself
    cuts with. Of an older version, the call itself gives the same.
    """
    first = tokenizer.encode(question, add_special_tokens=False)
    second = tokenizer.encode(context, add_special_tokens=False)
    second.truncate(max_length - len(first.ids) - tokenizer.num_special_tokens_to_add(True), stride=doc_stride)
    encodings = [tokenizer.post_process(first, window, True) for window in [second, *second.overflowing]]
    for encoding in encodings:
        encoding.pad(max_length, pad_id=tokenizer.token_to_id("[PAD]"))
    return encodings


def positions_of(encoding, answers, cls_id):
    """The loop of prepare_train_features in run_qa.py, which fails where the passage is empty."""
    offsets = encoding.offsets
    input_ids = encoding.ids
    cls_index = input_ids.index(cls_id)
    sequence_ids = encoding.sequence_ids
    if len(answers["answer_start"]) == 0 or 1 not in sequence_ids:
        return cls_index, cls_index
    start_char = answers["answer_start"][0]
    end_char = start_char + len(answers["text"][0])
    token_start_index = 0
    while sequence_ids[token_start_index] != 1:
        token_start_index += 1
    token_end_index = len(input_ids) - 1
    while sequence_ids[token_end_index] != 1:
        token_end_index -= 1
    if not (offsets[token_start_index][0] <= start_char and offsets[token_end_index][1] >= end_char):
        return cls_index, cls_index
    while token_start_index < len(offsets) and offsets[token_start_index][0] <= start_char:
        token_start_index += 1
    while offsets[token_end_index][1] >= end_char:
        token_end_index -= 1
    return token_start_index - 1, token_end_index + 1


def features_of(source, examples, max_length, doc_stride):
    tokenizer = Tokenizer.from_file(str(source))
    features = []
    for index, example in enumerate(examples):
        context = example["context"]
        answers = answers_of(example)
        for encoding in encodings_of(tokenizer, example["question"].lstrip(), context, max_length, doc_stride):
            length = sum(encoding.attention_mask)
            assert encoding.attention_mask == [1] * length + [0] * (max_length - length)
            passage = [k for k, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
            assert passage == list(range(length - 1 - len(passage), length - 1))
            start, end = positions_of(encoding, answers, tokenizer.token_to_id("[CLS]"))
            features.append(
                {
                    "example": index,
                    "inputIds": encoding.ids[:length],
                    "tokenTypeIds": encoding.type_ids[:length],
                    "contextStart": length - 1 - len(passage),
                    "starts": [units(context, encoding.offsets[k][0]) for k in passage],
                    "ends": [units(context, encoding.offsets[k][1]) for k in passage],
                    "startPosition": start,
                    "endPosition": end,
                }
            )
    return features


def answers_of(example):
    code_points = {units(example["context"], k): k for k in range(len(example["context"]) + 1)}
    return {
        "text": [answer["text"] for answer in example["answers"]],
        "answer_start": [code_points[answer["start"]] for answer in example["answers"]],
    }


RIVER = (
    "The Ålmo rises in a café garden — so the story goes — and runs 1,204.5 km to the sea. "
    "It freezes in winter;  skaters 😀😀 come from Łąkowo, Überstadt and 北京, "
    "some say even from İzmir. In 1887 Zoë Brontë-Smith wrote: “the ice is thicker than a naïve heart.”\n"
    "Nobody   knows why she left\u00a0it\u200b unsigned, but the e\u0301dition of 1890 bears her name and a drawing of an 🐘."
)
SHORT = "Salt is mined near the lake. 𝐀𝑏𝒞 was carved there."


def question(text, context, *answers):
    """Answers are given as texts, each the first of its kind in the context."""
    given = [{"text": answer, "start": units(context, context.index(answer))} for answer in answers]
    return {"question": text, "context": context, "answers": given}


EXAMPLES = [
    question("Where does the Ålmo rise?", RIVER, "a café garden", "garden"),
    question("  \t How long is it?", RIVER, "1,204.5 km"),
    question("What does the text begin with?", RIVER, "The"),
    question("What does it end with?", RIVER, "🐘."),
    question("What is the animal?", RIVER, "🐘"),
    question("Who comes?", RIVER, "skaters 😀😀"),
    question("From which city?", RIVER, "北京"),
    question("From which half of a word?", RIVER, "stadt"),
    question("What of İzmir?", RIVER, "zmi"),
    question("Which edition?", RIVER, "e\u0301dition of 1890"),
    question("What is all of it?", RIVER, RIVER),
    question("Who painted it?", RIVER),
    question("What is mined?", SHORT, "Salt"),
    question("What was carved?", SHORT, "𝐀𝑏𝒞"),
    question("Is there a dragon?", SHORT),
    question("What is in an empty text?", "\u200b"),
]


def main():
    if len(sys.argv) > 1:
        source, max_length, doc_stride = sys.argv[1:]
        json.dump(features_of(source, json.load(sys.stdin), int(max_length), int(doc_stride)), sys.stdout)
        return
    tokenizer = pathlib.Path(__file__).parents[2] / "assets" / "teacher" / "tokenizer.json"
    golden = {
        "sequenceLength": 40,
        "windowStride": 12,
        "examples": EXAMPLES,
        "features": features_of(tokenizer, EXAMPLES, 40, 12),
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},{", "},\n{") + "\n")


main()
