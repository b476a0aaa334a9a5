#!/usr/bin/env bash
# Puts a real NVIDIA Triton server 2.51 that runs models written in Python, on the CPU, into
# ${MILLRACE_CACHE:-~/.cache/millrace}/triton, for the tests of the oip backend:
#
#   tritonserver       starts it: tritonserver --model-repository=FOLDER --http-port=N …
#   wheel/  python/    the server out of the wheel nvidia-pytriton, and a Python with numpy for models
#
# Both come from the Python package index (73 MB, 220 MB unpacked, seconds). Needs Python 3.11 with
# its shared library (Debian 12: libpython3.11). Does nothing when all is there.
#
#   deploy/fetch-triton.sh
set -euo pipefail

cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
target=$cache/triton
server=(nvidia-pytriton 0.7.0 21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df)
# With numpy 2, the models of Triton 2.51 cannot return their outputs.
numpy=(numpy 1.26.4 666dbfb6ec68962c033a450943ded891bed2d54e6755e35e5835d63f4f6931d5)
stamp=$(sha256sum <"${BASH_SOURCE[0]}")
# shellcheck source=pip.sh
source "$(dirname "${BASH_SOURCE[0]}")/pip.sh"

[ "$(cat "$target/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

fail() {
    echo "fetch-triton: $1" >&2
    echo "fetch-triton: without it, the tests of the oip backend on a real server are skipped" >&2
    exit 1
}

# Prints the folder of libpython3.11.so.1.0 when $1 is a Python that has it.
library_folder() {
    "$1" -c 'import os, sysconfig
folder = sysconfig.get_config_var("LIBDIR")
triplet = os.path.join(folder, sysconfig.get_config_var("MULTIARCH") or "")
print(next(f for f in (triplet, folder) if os.path.exists(f"{f}/libpython3.11.so.1.0")))' 2>/dev/null
}

[ "$(uname -m)" = x86_64 ] || fail "NVIDIA's wheel is for x86_64 only"
library='' interpreter=''
for candidate in /usr/bin/python3.11 python3.11; do
    interpreter=$(command -v "$candidate") && library=$(library_folder "$interpreter") && break
done
[ -n "$library" ] ||
    fail "there is no Python 3.11 with libpython3.11.so.1.0: run deploy/install-packages.sh"

echo "fetch-triton: fetching NVIDIA Triton 2.51 and numpy (73 MB) into $target"
mkdir -p "$cache"
work=$(mktemp -d "$cache/triton-fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
download "${server[@]}" "$work" --only-binary :all:
download "${numpy[@]}" "$work" --only-binary :all: --python-version 3.11 --implementation cp \
    --platform manylinux2014_x86_64

# Wheels are zip files; nothing in them is executed here.
stage=$work/triton
packages=$stage/python/lib/python3.11/site-packages
mkdir -p "$packages" "$stage/python/bin"
"$interpreter" -m zipfile -e "$work"/nvidia_pytriton-*.whl "$stage/wheel"
"$interpreter" -m zipfile -e "$work"/numpy-*.whl "$packages"

server_folder=$stage/wheel/pytriton/tritonserver
backend=$server_folder/backends/python
mv "$server_folder/python_backend_stubs/3.11/triton_python_backend_stub" "$backend"
rm -rf "$server_folder/python_backend_stubs"
chmod +x "$server_folder/bin/tritonserver" "$backend/triton_python_backend_stub"

# The virtual environment is made by hand, because Debian's Python needs an additional package to
# make one. Models find their Python as the first python3 on PATH.
ln -s "$interpreter" "$stage/python/bin/python3"
echo "home = $(dirname "$(readlink -f "$interpreter")")" >"$stage/python/pyvenv.cfg"

cat >"$stage/tritonserver" <<EOF
#!/bin/sh
here=\$(dirname "\$0")
LD_LIBRARY_PATH=\$here/wheel/nvidia_pytriton.libs:$library PATH=\$here/python/bin:\$PATH
export LD_LIBRARY_PATH PATH
exec "\$here/wheel/pytriton/tritonserver/bin/tritonserver" \\
    --backend-directory="\$here/wheel/pytriton/tritonserver/backends" "\$@"
EOF
chmod +x "$stage/tritonserver"
echo "$stamp" >"$stage/.stamp"
rm -rf "$target"
mv "$stage" "$target"
echo "fetch-triton: done"
