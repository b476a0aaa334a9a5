#!/usr/bin/env bash
# Runs every measurement, one after the other, and prints the machine and the commit beside the
# figures. `make bench` runs it; RUNS=N sets the runs of each figure (their median is printed).
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-5}
bench=build/bin
cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
model=$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf
export MILLRACE_BIN=$bench

section() { printf '\n## %s\n\n    %s\n\n' "$1" "$2"; }

echo "# Benchmarks of $(git rev-parse --short HEAD), $(date +%F)"
echo
echo "$(nproc) processors ($(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)), $(uname -sr), everything on this one machine"

for broker in kafka mock; do
    section "The whole way, broker: $broker" "$bench/end_to_end_bench --broker $broker --runs $runs"
    echo '| figure | | | |'
    echo '| --- | --- | --- | --- |'
    "$bench/end_to_end_bench" --broker "$broker" --runs "$runs"
done
for over in process kafka; do
    section "Batches against the oracle, over: $over" "$bench/batching_bench --over $over --runs $runs"
    "$bench/batching_bench" --over "$over" --runs "$runs"
done
section "Lanes: an overload, urgent jobs, cancels, a slow model's batches" "$bench/lanes_bench --runs $runs"
"$bench/lanes_bench" --runs "$runs"
section "Checking a request body beside other parsers" "$bench/json_bench"
"$bench/json_bench"
section "What an idle fleet asks of PostgreSQL" "$bench/idle_fleet_bench"
"$bench/idle_fleet_bench"
section "The store's three writes beside a bare client's" "$bench/store_hot_path"
"$bench/store_hot_path"
section "One of four model servers becomes ten times slower" "$bench/slow_endpoint_bench"
"$bench/slow_endpoint_bench"
if [[ -f $model && -x $bench/llama_direct ]]; then
    section "A real model: through Millrace and by the library alone" "bench/llama_through.py"
    python3 bench/llama_through.py --bin "$bench" --model "$model" --runs "$runs"
    for what in "prefix $runs 20" "abort $runs"; do
        command="$bench/llama_backend_bench $model bench/llama_direct/prompts.txt 0 $what"
        section "The llama backend called directly: ${what%% *}" "$command"
        $command 2>/dev/null
    done
fi
