#!/usr/bin/env bash
# run.sh units|browser FOLDER: the tests of the page. FOLDER, of the build tree, gets playwright-core (from npm, pinned by
# package-lock.json; once) and the screenshots. Ends with 77, and says why, where something is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$2

skip() {
  echo "SKIPPED: $1"
  exit 77
}

command -v node >/dev/null || skip "there is no node (apt-get install nodejs)"
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || skip "node $(node --version) is older than 20"

if [[ $1 == units ]]; then
  PAGE="$here/../../daemon/page" exec node --test --test-reporter=spec "$here/units_test.mjs"
fi

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[[ -n $chromium ]] || skip "there is no chromium (apt-get install chromium)"
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder/"
if ! cmp -s "$here/package-lock.json" "$folder/node_modules/.installed"; then
  command -v npm >/dev/null || skip "there is no npm"
  (cd "$folder" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) ||
    skip "playwright-core could not be fetched: $(tail -n 1 "$folder/npm.log")"
  cp "$here/package-lock.json" "$folder/node_modules/.installed"
fi
cp "$here"/*.mjs "$folder/"
CHROMIUM=$chromium SHOTS="$folder/shots" exec node --test --test-concurrency=1 --test-reporter=spec "$folder/page_test.mjs" "$folder/web_test.mjs"
