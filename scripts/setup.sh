#!/usr/bin/env bash
# Set up .venv, run by make: scripts/setup.sh [EXTRAS]   (EXTRAS: for example train,dev; none: what run time needs)
#   PYTHON=...       the interpreter to use (3.11 or 3.12) instead of the first one that works
#   TORCH_INDEX=...  an additional package index, such as PyTorch's own for CPU-only files
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:-}

say() { printf 'setup: %s\n' "$*" >&2; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    say "installing $*"
    # An index that is a little out of date is often enough: whether it was is for the installation to say.
    apt-get update -qq </dev/null >&2 || say "apt-get update failed; trying with the index that is there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

find_python() {
    local name candidate
    for name in ${PYTHON:-python3.11 python3.12 python3}; do
        # All of that name on the PATH: the first may be a version manager's stub that runs nothing.
        while read -r candidate; do
            if supported "$candidate"; then
                echo "$candidate"
                return
            fi
        done < <(type -ap "$name" || true)
    done
    return 1
}

python=$(find_python) || {
    if [ -z "${PYTHON:-}" ] && can_apt; then apt_install python3 python3-venv; fi
    python=$(find_python) || {
        say "no working Python 3.11 or 3.12 was found; install one, or name it: make PYTHON=/path/to/python3.11 ..."
        exit 1
    }
}

missing=$("$python" -m realtime.tools.system_libraries) || {
    # shellcheck disable=SC2086  # a list of packages
    if can_apt; then apt_install $missing; else
        say "system libraries are missing; run: sudo apt-get install $(echo $missing)"
        exit 1
    fi
}

# It must hold a supported Python (the one that was named, if one was), and must have been made at this very place:
# after a move, the scripts inside it call a Python that is no longer there.
usable_venv() {
    supported .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null &&
        { [ -z "${PYTHON:-}" ] || [ "$(version_of .venv/bin/python)" = "$(version_of "$python")" ]; } &&
        grep -qsF "$(pwd -P)/.venv/bin/" .venv/bin/pip
}

if ! usable_venv; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="python$(version_of "$python")-venv"
        if can_apt; then apt_install "$package"; else
            say "$python has no venv module; run: sudo apt-get install $package"
            exit 1
        fi
    fi
    say "making .venv with $("$python" -V)"
    "$python" -m venv --clear .venv
fi

say "installing unveil${extras:+ with $extras} into .venv (some minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --editable ".${extras:+[$extras]}"
