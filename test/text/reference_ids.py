"""Encodes lines with the Python reference: reference_ids.py tokenizer.json|FOLDER, a JSON array of lines on standard input.

A file is read by `tokenizers`, a folder by AutoTokenizer of `transformers`. Prints JSON: the ids of each line without
special tokens, and of the first two lines as a pair with them.
"""

import json
import os
import sys

source = sys.argv[1]
lines = json.load(sys.stdin)
if os.path.isdir(source):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    pair = tokenizer(lines[0], lines[1])
    result = {
        "kind": type(tokenizer).__name__.removesuffix("Fast"),
        "size": len(tokenizer),
        "maxLength": tokenizer.model_max_length,
        "special": [tokenizer.pad_token, tokenizer.unk_token, tokenizer.cls_token, tokenizer.sep_token, tokenizer.mask_token],
        "ids": tokenizer(lines, add_special_tokens=False)["input_ids"],
        "pair": {"ids": pair["input_ids"], "tokenTypeIds": pair["token_type_ids"]},
    }
else:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(source)
    pair = tokenizer.encode(lines[0], lines[1])
    result = {
        "ids": [encoding.ids for encoding in tokenizer.encode_batch(lines, add_special_tokens=False)],
        "pair": {"ids": pair.ids, "tokenTypeIds": pair.type_ids},
    }
json.dump(result, sys.stdout)
