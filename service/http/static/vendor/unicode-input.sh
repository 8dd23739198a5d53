#!/bin/sh
# Makes unicode-input.js, and its licence, anew: Lean's own input method as one module that a browser reads as it is.
set -eu
cd "$(dirname "$0")"
version=0.1.9
integrity=sha512-NTd56YpI8iAb2aLLHEOCAIJM+T7pWJLS0PSn9sIOS21HwAgnhlgoHsoioey9hkUCdV0kDfeh0lsX2Yx3mbF0dg==
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" "@leanprover/unicode-input@$version"
tarball=$folder/leanprover-unicode-input-$version.tgz
test "sha512-$(openssl dgst -sha512 -binary "$tarball" | base64 -w0)" = "$integrity" || {
  echo "what npm delivered is not @leanprover/unicode-input $version as it is pinned here" >&2
  exit 1
}
tar -xzf "$tarball" -C "$folder"
npx --yes esbuild@0.28.2 "$folder/package/dist/index.js" --bundle --format=esm --charset=utf8 --minify \
  --banner:js="/* @leanprover/unicode-input $version, Apache-2.0: unicode-input.LICENSE; made by unicode-input.sh */" \
  --outfile=unicode-input.js
cp "$folder/package/LICENSE" unicode-input.LICENSE
