#!/usr/bin/env bash
# Runs the whole suite against Nest 11, in a temporary copy of the work tree, so that node_modules here stays as it is.
# Arguments go to Jest: npm run test:nest11 -- -t G5
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/enter-copy.sh"
npm install --no-save --no-audit --no-fund --loglevel=error \
  @nestjs/common@11 @nestjs/core@11 @nestjs/testing@11 @nestjs/microservices@11 @nestjs/websockets@11 \
  @nestjs/platform-express@11 @nestjs/platform-fastify@11 @nestjs/platform-ws@11 @nestjs/swagger@11 @nestjs/terminus@11

for name in common core testing microservices websockets platform-express platform-fastify platform-ws swagger terminus; do
  version="$(node -p "JSON.parse(fs.readFileSync('node_modules/@nestjs/$name/package.json')).version")"
  echo "@nestjs/$name $version"
  case "$version" in 11.*) ;; *) echo "expected Nest 11" >&2; exit 1 ;; esac
done

npx tsc --noEmit -p tsconfig.lib.json
npm test -- "$@"
