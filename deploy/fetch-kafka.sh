#!/usr/bin/env bash
# Fetches the jars of Apache Kafka 3.9.1 (57 files, 48 MB) with Maven into
# ${MILLRACE_CACHE:-~/.cache/millrace}/kafka/lib. Does nothing when they are there.
#
#   deploy/fetch-kafka.sh
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}
lib=$cache/kafka/lib
pom=$here/kafka/pom.xml
stamp=$(sha256sum <"$pom")

[ "$(cat "$lib/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0

fail() {
    echo "fetch-kafka: $1" >&2
    exit 1
}
command -v mvn >/dev/null || fail "Maven is missing: run deploy/install-packages.sh (package maven)"

echo "fetch-kafka: fetching Apache Kafka 3.9.1 into $lib"
mkdir -p "$cache/kafka"
work=$(mktemp -d "$cache/kafka/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mvn -B -ntp -q -Dstyle.color=never -f "$pom" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/lib" ||
    fail "Maven could not fetch the jars; is Maven Central (or the mirror in ~/.m2/settings.xml) reachable?"
compgen -G "$work/lib/kafka_2.13-*.jar" >/dev/null || fail "Maven fetched no broker jar"

echo "$stamp" >"$work/lib/.stamp"
# The files made from the old jars (data template, class archive) are removed with them.
rm -rf "$lib" "$cache/kafka/start"
mv "$work/lib" "$lib"
echo "fetch-kafka: done"
