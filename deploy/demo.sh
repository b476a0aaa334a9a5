#!/usr/bin/env bash
# The demo: the embedded stack runs real prompts on a real model to their end. `make demo` runs it
# after `make build`; it can be run again at any time.
#
# With MILLRACE_DEMO_MODEL=FILE.gguf it serves that file instead of the small model of the cache;
# with MILLRACE_DEMO_BACKEND_URL=URL and MILLRACE_DEMO_MODEL_NAME=NAME it uses any OpenAI-compatible
# server.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${MILLRACE_BIN:-build/bin}
cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
model=${MILLRACE_DEMO_MODEL:-$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf}

if [[ ! -x $bin/millrace ]]; then
    echo "demo: $bin/millrace is missing; run 'make build' first" >&2
    exit 1
fi

arguments=()
if [[ -n ${MILLRACE_DEMO_BACKEND_URL:-} ]]; then
    arguments+=(--backend-url "$MILLRACE_DEMO_BACKEND_URL" --model-name "${MILLRACE_DEMO_MODEL_NAME:?name the model that the server serves}")
elif [[ -f $model ]]; then
    arguments+=(--model "$model")
else
    echo "demo: NO REAL MODEL: $model is missing and could not be fetched."
    echo "demo: to use another: MILLRACE_DEMO_MODEL=FILE.gguf make demo, or"
    echo "demo:   MILLRACE_DEMO_BACKEND_URL=http://127.0.0.1:8000/v1 MILLRACE_DEMO_MODEL_NAME=NAME make demo"
    echo "demo: running with the SYNTHETIC model instead: its text is made up, its timing is real."
fi
exec python3 deploy/demo/demo.py --bin "$bin" "${arguments[@]}"
