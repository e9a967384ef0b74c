"""Unpacks libtorch from a torch wheel: the libraries, headers and CMake files, without the Python half.

    python3 scripts/unpack-engine.py WHEEL FOLDER

Every file is compared with the SHA-256 that the wheel's own RECORD gives for it. Only Python's standard library is used.
"""

import base64
import csv
import hashlib
import io
import os
import sys
import zipfile

# What the wheel calls a folder, and what .engine/ calls it. torch.libs/ holds bundled dependencies where a wheel has any.
KEPT = {
    "torch/lib/": "lib/",
    "torch.libs/": "lib/",
    "torch/include/": "include/",
    "torch/share/cmake/": "share/cmake/",
}
# Python's own half, and libraries that only PyTorch's tests load.
LEFT_OUT = (
    "libtorch_python.so",
    "libshm",
    "libtorchbind_test.so",
    "libjitbackend_test.so",
    "libbackend_with_compiler.so",
    "libaoti_custom_ops.so",
)


def destination(name):
    if ".." in name.split("/"):
        return None
    for prefix, folder in KEPT.items():
        rest = name[len(prefix) :]
        if name.startswith(prefix) and not (folder == "lib/" and rest.startswith(LEFT_OUT)):
            return folder + rest
    return None


def recorded_hashes(wheel):
    (record,) = [name for name in wheel.namelist() if name.endswith(".dist-info/RECORD")]
    rows = csv.reader(io.TextIOWrapper(wheel.open(record), encoding="utf-8"))
    return {row[0]: row[1] for row in rows if row and row[1]}


def copy(wheel, name, target):
    """Returns the file's hash as RECORD writes it."""
    digest = hashlib.sha256()
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with wheel.open(name) as source, open(target, "wb") as out:
        while block := source.read(1 << 20):
            digest.update(block)
            out.write(block)
    return "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def unpack(path, folder):
    with zipfile.ZipFile(path) as wheel:
        hashes = recorded_hashes(wheel)
        for name in sorted(hashes):
            target = destination(name)
            if target is None:
                continue
            actual = copy(wheel, name, os.path.join(folder, target))
            if actual != hashes[name]:
                raise ValueError(f"{name}: expected {hashes[name]}, got {actual}")
    for needed in ("lib/libtorch_cpu.so", "lib/libc10.so", "include/ATen/ATen.h"):
        if not os.path.isfile(os.path.join(folder, needed)):
            raise ValueError(f"holds no {needed}: not a torch wheel for Linux")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: unpack-engine.py WHEEL FOLDER")
    try:
        unpack(sys.argv[1], sys.argv[2])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
