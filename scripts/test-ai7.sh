#!/usr/bin/env bash
# Runs the specs of nestjs-agentos/ai-sdk against version 7 of the AI SDK, in a temporary copy of the work tree, so that
# node_modules here stays as it is. Version 7 is made for Node 22 and later: npx -y -p node@22 -- npm run test:ai7
# Arguments go to Jest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/enter-copy.sh"
npm install --no-save --no-audit --no-fund --loglevel=error ai@7 @ai-sdk/openai-compatible@3

echo "Node $(node --version)"
for name in ai @ai-sdk/openai-compatible; do
  echo "$name $(node -p "JSON.parse(fs.readFileSync('node_modules/$name/package.json')).version")"
done
case "$(node -p "JSON.parse(fs.readFileSync('node_modules/ai/package.json')).version")" in
  7.*) ;;
  *) echo "expected version 7 of ai" >&2; exit 1 ;;
esac

npx tsc --noEmit -p tsconfig.lib.json
npm test -- ai-sdk "$@"
