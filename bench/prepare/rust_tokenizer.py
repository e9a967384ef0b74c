"""The rival of bench/prepare.mjs: reads {"tokenizer", "text"} a line, answers {"ms", "processorMs", "tokens", "documents"}.

The time is that of encode_batch alone: reading, cutting into documents, and counting are not in it, and nothing is written.
"""

import json
import sys
import time

from tokenizers import Tokenizer

BATCH = 1000


def documents_of(path):
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line:
                lines.append(line)
            elif lines:
                yield "\n".join(lines)
                lines = []
    if lines:
        yield "\n".join(lines)


def batches_of(documents):
    batch = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


for line in sys.stdin:
    request = json.loads(line)
    tokenizer = Tokenizer.from_file(request["tokenizer"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    seconds = processor = 0.0
    tokens = documents = 0
    for batch in batches_of(documents_of(request["text"])):
        start, start_processor = time.perf_counter(), time.process_time()
        encoded = tokenizer.encode_batch(batch, add_special_tokens=False)
        seconds += time.perf_counter() - start
        processor += time.process_time() - start_processor
        tokens += sum(len(one) for one in encoded)
        documents += len(batch)
    answer = {"ms": 1000 * seconds, "processorMs": 1000 * processor, "tokens": tokens, "documents": documents}
    print(json.dumps(answer), flush=True)
