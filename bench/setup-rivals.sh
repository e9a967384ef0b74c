#!/usr/bin/env bash
# Makes build/rivals, a Python environment with what the benches compare Limbeck with: PyTorch, transformers, tokenizers,
# ONNX Runtime. Does nothing when it stands. pip takes them from wherever it is configured to; PyPI itself has no +cpu builds
# of torch, so there name PyTorch's index in PIP_EXTRA_INDEX_URL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly FOLDER=build/rivals LOG=build/rivals.log
readonly PACKAGES=(
  torch==2.13.0+cpu
  transformers==5.18.0
  tokenizers==0.23.2
  onnx==1.23.1
  onnxruntime==1.30.0
  numpy==2.4.6
)

# fail WHAT WHAT-TO-DO
fail() {
  printf 'rivals: %s\n        %s\n' "$1" "$2" >&2
  exit 1
}

stamp="${PACKAGES[*]}"
if [[ -f $FOLDER/stamp && $(<"$FOLDER/stamp") == "$stamp" ]]; then exit 0; fi

mkdir -p build
rm -rf "$FOLDER"
python3 -m venv "$FOLDER" || fail "python3 makes no environment." "Install python3 with venv (Debian: python3-venv)."
printf 'rivals: installing %s into %s\n' "${PACKAGES[*]}" "$FOLDER" >&2
# One try for each place: pip's retries take minutes where a place cannot be reached.
"$FOLDER/bin/python" -m pip install --disable-pip-version-check --retries 0 "${PACKAGES[@]}" >"$LOG" 2>&1 ||
  fail "pip does not have them all: see $LOG." \
    "Name an index that has them in PIP_EXTRA_INDEX_URL, or a Python that has them in LIMBECK_PYTHON."
printf '%s\n' "$stamp" >"$FOLDER/stamp"
