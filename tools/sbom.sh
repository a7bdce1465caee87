#!/usr/bin/env bash
# Writes a CycloneDX bill of materials of what `pip install headgate` installs: sbom.sh PYTHON CYCLONEDX-PY FILE
# The packages, at the versions of constraints.txt, go into an environment of their own, so that nothing else is listed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 cyclonedx=$2 file=$3

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$python" -m venv --without-pip "$environment"
mapfile -t packages < <("$python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")')
"$python" -m pip --python "$environment/bin/python" install --quiet --disable-pip-version-check -c constraints.txt "${packages[@]}"
mkdir -p "$(dirname "$file")"
"$cyclonedx" environment "$environment/bin/python" --pyproject pyproject.toml --mc-type library \
    --output-reproducible --output-format JSON --output-file "$file"
echo "wrote $file: $("$python" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["components"]))' "$file") packages"
