#!/usr/bin/env bash
# Runs the suite on other Node versions, fetched as npm packages: npm run test:matrix, or scripts/test-matrix.sh 22
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

versions=("$@")
[ "${#versions[@]}" -gt 0 ] || versions=(22 24)
failed=()
for version in "${versions[@]}"; do
  echo "== Node $version: $(npx -y -p "node@$version" -- node --version)"
  npx -y -p "node@$version" -- npm test || failed+=("$version")
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "failed on Node: ${failed[*]}" >&2
  exit 1
fi
