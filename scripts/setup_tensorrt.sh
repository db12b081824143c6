#!/usr/bin/env bash
# Set up .venv-tensorrt, run by make: torch's CUDA build and TensorRT for RTX, about 6 GB. No GPU is needed.
#   PYTHON=...   the interpreter to use (3.11 or 3.12)
# Exit status: 0 done; 75 not possible here (no packages for this system, or too little disk), with a line that says why.
set -euo pipefail
cd "$(dirname "$0")/.."
need_gb=12  # during the installation: packages, and their downloads; 6 afterwards
stamp=.venv-tensorrt/.installed

say() { printf 'setup: %s\n' "$*" >&2; }

skip() {
    say "skipped: $*"
    exit 75
}

# Made again with the folder at another place: a moved environment cannot run.
if [ "$stamp" -nt pyproject.toml ] && grep -qsF "$PWD/.venv-tensorrt/bin/" .venv-tensorrt/bin/pip; then
    exit 0
fi
rm -f "$stamp"
system=$(uname -sm)
[ "$system" = "Linux x86_64" ] || skip "TensorRT for RTX is set up on Linux x86_64 only, this is $system"
free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
[ "$free_gb" -ge "$need_gb" ] || skip "TensorRT's environment needs $need_gb GB of disk, $free_gb GB are free here"
say "installing torch with CUDA and TensorRT for RTX into .venv-tensorrt (some minutes the first time)"
"${PYTHON:-.venv/bin/python}" -m venv --clear .venv-tensorrt
.venv-tensorrt/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --editable ".[tensorrt-rtx,tensorrt-tests]"
touch "$stamp"
