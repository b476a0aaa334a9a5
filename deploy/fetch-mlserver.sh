#!/usr/bin/env bash
# Puts MLServer 1.7.1 into ${MILLRACE_CACHE:-~/.cache/millrace}/mlserver, for `make test-mlserver`: the
# oip backend on a real server of the protocol's second dialect. 326 MB and half a minute, for what
# the tests on a fake server check with MLServer's recorded answers: so neither `make setup` nor
# `make test` has it. Does nothing when it is there.
#
#   deploy/fetch-mlserver.sh
set -euo pipefail

cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
target=$cache/mlserver
# With a newer uvloop, MLServer 1.7.1 dies at its start.
packages=(mlserver==1.7.1 'uvloop<0.22')
stamp=$(sha256sum <"${BASH_SOURCE[0]}")
# shellcheck source=pip.sh
source "$(dirname "${BASH_SOURCE[0]}")/pip.sh"

[ "$(cat "$target/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

fail() {
    echo "fetch-mlserver: $1" >&2
    exit 1
}

find_pip
echo "fetch-mlserver: fetching MLServer (326 MB) into $target"
mkdir -p "$cache"
work=$(mktemp -d "$cache/mlserver-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$python" -m pip install -q --disable-pip-version-check --root-user-action ignore \
    --target "$work/packages" "${packages[@]}" ||
    fail "pip could not fetch MLServer; is the Python package index reachable?"
cat >"$work/mlserver" <<EOF
#!/bin/sh
PYTHONPATH=\$(dirname "\$0")/packages
export PYTHONPATH
exec "$(command -v "$python")" -c 'from mlserver.cli import main; main()' "\$@"
EOF
chmod +x "$work/mlserver"
echo "$stamp" >"$work/.stamp"
rm -rf "$target"
mv "$work" "$target"
echo "fetch-mlserver: done"
