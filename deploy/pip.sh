# Sourced by the scripts that fetch from the Python package index. Those must define fail MESSAGE.

# find_pip: sets $python to a Python that has pip; one from a version manager may lack it.
find_pip() {
    for python in python3 /usr/bin/python3; do
        "$python" -m pip --version >/dev/null 2>&1 && return 0
    done
    fail "pip is missing: run deploy/install-packages.sh (package python3-pip)"
}

# download PACKAGE VERSION SHA256 FOLDER PIP-OPTION...: leaves the package's file in the folder.
download() {
    local package=$1 version=$2 sha256=$3 folder=$4
    shift 4
    find_pip
    echo "$package==$version --hash=sha256:$sha256" >"$folder/requirements.txt"
    "$python" -m pip download -q --disable-pip-version-check --no-deps "$@" \
        -d "$folder" -r "$folder/requirements.txt" ||
        fail "pip could not fetch $package $version; is the Python package index reachable?"
}
