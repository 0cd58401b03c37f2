#!/usr/bin/env bash
# Installs a version of agno's Python client, for test/clients, into a virtual environment in the given folder. Prints its Python:
#   AGNO_PYTHON="$(scripts/install-agno-client.sh FOLDER 2.9)"
#   AGNO31_PYTHON="$(scripts/install-agno-client.sh OTHER-FOLDER 3.1)"
set -euo pipefail
usage='Usage: scripts/install-agno-client.sh FOLDER VERSION'
folder="${1:?$usage}"
version="${2:?$usage}"
requirements="$(dirname "${BASH_SOURCE[0]}")/../test/clients/requirements-$version.txt"

[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
echo "$folder/bin/python"
