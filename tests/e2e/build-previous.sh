#!/usr/bin/env bash
# Builds the programs of another commit, by default of the first parent of HEAD, in build/previous/build/bin.
# Does nothing if they are there.
#
#   tests/e2e/build-previous.sh [COMMIT]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=build/previous
wanted=${1:-HEAD^}

fail() {
    echo "build-previous: $1" >&2
    exit 1
}

find_commit() {
    git rev-parse --verify --quiet "$wanted^{commit}"
}

git rev-parse --git-dir >/dev/null 2>&1 ||
    fail "this is no clone, so there is no commit before it; clone the repository with its history"
if ! commit=$(find_commit); then
    if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
        echo "build-previous: $wanted is not in this shallow clone; fetching one more commit"
        git fetch --quiet --deepen=1 ||
            fail "it cannot be fetched; run git fetch --unshallow, or clone with two commits at least (--depth 2)"
    fi
    commit=$(find_commit) ||
        fail "there is no commit $wanted; PREVIOUS=COMMIT names the one whose programs run beside those of this tree"
fi

if [ "$(cat "$folder/built" 2>/dev/null)" = "$commit" ]; then
    exit
fi
echo "build-previous: the programs of $(git log -1 --format='%h (%s)' "$commit")"
mkdir -p "$folder"
# What was compiled stays, and what differs is newer than that: tar -m.
find "$folder" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git archive "$commit" | tar -xm -C "$folder"
(
    cd "$folder"
    cmake --preset release -DMILLRACE_BUILD_TESTS=OFF -DMILLRACE_BUILD_BENCH=OFF >/dev/null
    cmake --build build -j "${JOBS:-$(nproc)}" --target millrace millrace-gateway millrace-worker
)
echo "$commit" >"$folder/built"
