#!/usr/bin/env bash
# Generates clients from the OpenAPI document of a running server with orval and with @hey-api/openapi-ts, compiles each with
# a program that uses it, and lets that program run an agent, a team and a workflow. Needs `npm run build`; the generators
# are fetched, and are made for Node 22 and later, which is fetched too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="$PWD"
work="$(mktemp -d)"
server=''
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

cp scripts/openapi-client/{use-client.ts,orval.config.mjs,use-hey-api.ts,hey-api.config.mjs} "$work"
ln -s "$root/node_modules" "$work/node_modules"
echo '{ "type": "module" }' >"$work/package.json"

node scripts/openapi-client/serve.mjs "$work" >"$work/server.out" &
server=$!
for _ in $(seq 1 300); do
  [ -s "$work/server.out" ] && break
  kill -0 "$server" || exit 1
  sleep 0.1
done

cd "$work"
npx -y -p node@22 -p orval@8.38.0 -- orval --config orval.config.mjs
npx -y -p node@22 -p @hey-api/openapi-ts@0.99.0 -p typescript@5.9 -- openapi-ts -f hey-api.config.mjs
"$root/node_modules/.bin/tsc" --noEmit --strict --target es2023 --module nodenext --lib es2023,dom,dom.iterable \
  --allowImportingTsExtensions --skipLibCheck --types node use-client.ts use-hey-api.ts
for program in use-client.ts use-hey-api.ts; do
  npx -y -p node@22 -- node --disable-warning=ExperimentalWarning "$program"
done
