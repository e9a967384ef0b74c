#!/usr/bin/env bash
# Makes build/references, a Python environment with what tests and benches compare Limbeck with: PyTorch, transformers, ONNX
# Runtime and more (test/goldens/requirements.txt). Does nothing when it stands. pip takes them from wherever it is set up to;
# torch from where set-up takes it: the build for the CPU from there, then from PyTorch's index, else PyPI's, which comes with
# 2.5 GB of NVIDIA's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly FOLDER=build/references LOG=build/references.log REQUIREMENTS=test/goldens/requirements.txt
readonly TORCH_VERSION=2.13.0 CPU_INDEX=https://download.pytorch.org/whl/cpu

# fail WHAT WHAT-TO-DO
fail() {
  printf 'references: %s\n        %s\n' "$1" "$2" >&2
  exit 1
}

# One try for each place: pip's retries take minutes where a place cannot be reached.
install() { "$FOLDER/bin/python" -m pip install --disable-pip-version-check --retries 0 "$@" >>"$LOG" 2>&1; }

install_torch() {
  install "torch==$TORCH_VERSION+cpu" || install --extra-index-url "$CPU_INDEX" "torch==$TORCH_VERSION+cpu" ||
    install "torch==$TORCH_VERSION"
}

stamp="torch $TORCH_VERSION, $(sha256sum <"$REQUIREMENTS")"
if [[ -f $FOLDER/stamp && $(<"$FOLDER/stamp") == "$stamp" ]]; then exit 0; fi

mkdir -p build
rm -rf "$FOLDER" "$LOG"
python3 -m venv "$FOLDER" || fail "python3 makes no environment." "Install python3 with venv (Debian: python3-venv)."
printf 'references: installing torch and %s into %s\n' "$REQUIREMENTS" "$FOLDER" >&2
install_torch && install -r "$REQUIREMENTS" ||
  fail "pip does not have them all: see $LOG." \
    "Name an index that has them in PIP_EXTRA_INDEX_URL, or a Python that has them in LIMBECK_PYTHON."
printf '%s\n' "$stamp" >"$FOLDER/stamp"
