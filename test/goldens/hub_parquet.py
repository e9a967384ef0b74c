"""Writes the Parquet files that task readers are tested with, as the Hub's `datasets` library writes them; needs pyarrow.

    python test/goldens/hub_parquet.py

hub/cola: the config of nyu-mll/glue, its training set in two shards of two row groups. hub/squad_v2: one paragraph whose
first character takes two UTF-16 units, a question with an answer and one without.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(__file__).parent / "hub"


def write(path, columns, **options):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / path, **options)


def cola(split, sentences, labels, start=0):
    columns = {
        "sentence": pa.array(sentences, pa.string()),
        "label": pa.array(labels, pa.int64()),
        "idx": pa.array(range(start, start + len(labels)), pa.int32()),
    }
    write(f"cola/{split}.parquet", columns, compression="snappy", row_group_size=2)


cola("train-00000-of-00002", ["The bird sang.", "Sang bird the.", 'He said "no".'], [1, 0, 1])
cola("train-00001-of-00002", ["Naïve 中文 is fine."], [1], start=3)
cola("validation-00000-of-00001", ["Birds sing."], [1])
cola("test-00000-of-00001", ["Sing birds do they."], [-1])

context = "\U0001f418 Elephants eat grass. They drink water."
answers = pa.array(
    [
        {"text": ["grass", "grass."], "answer_start": [context.index("grass")] * 2},
        {"text": [], "answer_start": []},
    ],
    pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))]),
)
write(
    "squad_v2/validation-00000-of-00001.parquet",
    {
        "id": ["a", "b"],
        "title": ["Elephant", "Elephant"],
        "context": [context, context],
        "question": ["What do elephants eat?", "What do elephants read?"],
        "answers": answers,
    },
)
