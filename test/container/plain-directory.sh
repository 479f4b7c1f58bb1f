#!/usr/bin/env bash
# Runs the steps of the Dockerfile in a plain directory: what the image holds must start without anything else.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT

mkdir -p "$image/opt/portcullis" "$image/var/lib/portcullis"
cp package.json package-lock.json .npmrc LICENSE "$image/opt/portcullis/"
cp -r bin config src "$image/opt/portcullis/"
cd "$image/opt/portcullis"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
rm -rf node_modules/node-* node_modules/.bin/node

node=$root/node_modules/.bin/node
test ! -e node_modules/.bin/node || { echo 'the image brings a second runtime'; exit 1; }
test ! -e node_modules/vitest || { echo 'the image holds development dependencies'; exit 1; }
cipher=$("$node" -e "import('./src/crypto/gcm-engine.ts').then(({ gcmEngine }) => console.log(gcmEngine.name))")
test "$cipher" = openssl || { echo "the image does not call OpenSSL directly: $cipher"; exit 1; }

"$node" bin/portcullis.js --version
"$node" bin/portcullis.js check --offline --config config/example.yaml

# As an unprivileged user where this machine lets us become one.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 755 "$image" "$image/opt"
  chown 65534 "$image/var/lib/portcullis"
  cp "$node" "$image/node"
  setpriv --reuid=65534 --regid=65534 --clear-groups "$image/node" bin/portcullis.js --version
fi
echo 'container steps passed'
