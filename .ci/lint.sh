#!/usr/bin/env bash
# Formatting, layers, style, documentation and clang-tidy. `lint.sh FILE...` looks at these sources
# only and adds clang's static analyzer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (($# > 0)); then
    clang-format-14 --dry-run --Werror "$@"
    exec python3 .ci/check_tidy.py "$@"
fi
find common producer worker tests bench -name '*.h' -o -name '*.cc' |
    xargs clang-format-14 --dry-run --Werror
for check in .ci/check_*.py; do
    echo "lint: $check"
    python3 "$check"
done
