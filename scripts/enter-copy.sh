# Sourced by scripts that change node_modules: enters a temporary copy of the work tree, gone when the script ends, with
# what git tracks or would track, uncommitted work included; files deleted in the work tree are left out.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
copy="$(mktemp -d)"
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
  tar --null --files-from=- -cf - | tar -xf - -C "$copy"
cd "$copy"
npm ci --no-audit --no-fund --loglevel=error
