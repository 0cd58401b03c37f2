#!/usr/bin/env bash
# Installs agno's Python client, for test/clients, into a virtual environment in the given folder. Prints its Python:
#   AGNO_PYTHON="$(scripts/install-agno-client.sh FOLDER)" npm run test:clients
set -euo pipefail
folder="${1:?Usage: scripts/install-agno-client.sh FOLDER}"
requirements="$(dirname "${BASH_SOURCE[0]}")/../test/clients/requirements.txt"

[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
echo "$folder/bin/python"
