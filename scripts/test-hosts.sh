#!/usr/bin/env bash
# The packed package in the default projects of the Nest 11 CLI (CommonJS, ts-jest) and the Nest 12 CLI (ESM, vitest),
# with what docs/guide/testing-your-hooks.md says and nothing else: its programs as they are printed, node:test included; and
# what the README says of TypeScript's settings. `scripts/test-hosts.sh nest11` tries one of them, `--no-build` before it takes
# the library as it is built; HOSTS_FOLDER keeps the projects, so that the next run installs nothing but the package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

repository="$PWD"
work="${HOSTS_FOLDER:-$(mktemp -d)}"
[ -n "${HOSTS_FOLDER:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"

if [ "${1:-}" = --no-build ]; then
  shift
else
  npm run --silent build
fi
rm -f "$work"/nestjs-agentos-*.tgz
npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
package="$(echo "$work"/nestjs-agentos-*.tgz)"

# project NAME CLI-VERSION: makes the project if it is not there, and keeps its files as the CLI has written them.
project() {
  if [ ! -f "$work/$1.tar" ]; then
    rm -rf "${work:?}/$1"
    (cd "$work" && npx -y "@nestjs/cli@$2" new "$1" --package-manager npm --skip-git </dev/null)
    tar -C "$work/$1" --exclude=./node_modules -cf "$work/$1.tar" .
  fi
  cd "$work/$1"
}

add() { npm install --no-audit --no-fund --ignore-scripts "$@" >/dev/null; }

# The specs of the guide. Both projects have the globals of their test runner.
copy_specs() {
  for spec in testing-your-hooks set-immediate-hook.executor; do
    grep -v "'@jest/globals'" "$repository/test/docs/$spec.spec.ts" >"src/$spec.spec.ts"
  done
  cp "$repository/test/docs/support.test.mjs" support.test.mjs
}

# The guide's JSON, put over the "jest" part of package.json.
configure_jest() {
  node - "$repository/docs/guide/testing-your-hooks.md" <<'NODE'
const fs = require('node:fs');
const [, json] = /```json\n([\s\S]*?)```/.exec(fs.readFileSync(process.argv[2], 'utf8'));
const project = JSON.parse(fs.readFileSync('package.json', 'utf8'));
Object.assign(project.jest, JSON.parse(json).jest);
fs.writeFileSync('package.json', JSON.stringify(project, null, 2));
NODE
}

# try_typescript COLUMN: that of the project in the README's table.
try_typescript() { node "$repository/scripts/try-typescript.mjs" "$repository" "$1"; }

# first_minutes NAME: the lines of docs/guide/first-minutes.md, in a copy of the project as its CLI has written it. What init
# writes is formatted as the project wants it, its linter finds nothing, and the tests of the whole application still pass.
first_minutes() {
  local copy="$work/$1-first-minutes"
  rm -rf "$copy"
  mkdir "$copy"
  tar -C "$copy" -xf "$work/$1.tar"
  cp -a node_modules "$copy/"
  (
    cd "$copy"
    add "$package"
    node "$repository/scripts/first-minutes.mjs" "$repository"
    npx prettier --check src
    npm run lint
    npm run test:e2e
  )
  rm -rf "$copy"
}

nest11() {
  project nest11 11
  first_minutes nest11
  add "$package"
  copy_specs
  configure_jest
  rm -f src/dashboard.spec.ts src/entries.spec.ts src/sentry.spec.ts
  npm test
  node --test support.test.mjs
  npx -y -p node@22 -- npm test
  npx tsc --noEmit
  try_typescript 1
  # Every entry with its peers, and an error tracker.
  add drizzle-orm@0.45 ai@6 @nestjs/swagger@11 @sentry/nestjs@10
  cp "$repository"/scripts/hosts/*.spec.ts src/
  # Alone: what Sentry puts into node:http outlives its spec, and Jest empties the objects that it holds.
  npm test -- dashboard
  npm test -- entries
  npm test -- sentry
}

nest12() {
  project nest12 12
  first_minutes nest12
  add "$package"
  copy_specs
  npm test
  node --test support.test.mjs
  npx tsc --noEmit
  try_typescript 2
}

[ $# -gt 0 ] || set -- nest11 nest12
for name in "$@"; do
  (
    echo "-- $name"
    "$name"
  )
done
