"""Writes the Parquet files that the corpus readers are tested with; needs pyarrow.

    python test/goldens/corpus_parquet.py

corpus.parquet has three row groups, a missing and an empty text; corpus-wide.parquet has one row group of 40 MiB of text,
which the reader has to take in slices; corpus-other.parquet has no text.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(__file__).parent

texts = ["First document.\nSecond line.", None, "", "naïve 中文", "last"]
table = pa.table({"id": list(range(len(texts))), "text": pa.array(texts, pa.string())})
pq.write_table(table, folder / "corpus.parquet", row_group_size=2, compression="zstd")

wide = pa.table({"text": [f"row {i} " + "ab " * 21845 for i in range(640)]})
pq.write_table(wide, folder / "corpus-wide.parquet", compression="zstd", compression_level=19, use_dictionary=False, write_statistics=False)

other = pa.table({"id": [1], "body": ["a document"]})
pq.write_table(other, folder / "corpus-other.parquet")
