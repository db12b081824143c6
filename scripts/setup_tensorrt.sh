#!/usr/bin/env bash
# Set up .venv-tensorrt, run by make: torch's CUDA build and TensorRT for RTX, some 6 GB. No GPU is needed.
#   PYTHON=...   the interpreter to use (3.11 or 3.12)
# Exit status: 0 done; 75 the disk is too short for it, said in a line.
set -euo pipefail
cd "$(dirname "$0")/.."
need_gb=10  # while it is installed; 6 afterwards

say() { printf 'setup: %s\n' "$*" >&2; }

if [ ! -x .venv-tensorrt/bin/python ]; then
    free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
    if [ "$free_gb" -lt "$need_gb" ]; then
        say "skipped: TensorRT's environment needs $need_gb GB of disk, $free_gb GB are free here"
        exit 75
    fi
fi
say "installing torch with CUDA and TensorRT for RTX into .venv-tensorrt (some minutes the first time)"
"${PYTHON:-.venv/bin/python}" -m venv .venv-tensorrt
.venv-tensorrt/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --editable ".[tensorrt-rtx,tensorrt-tests]"
