#!/bin/sh
# Loads the images of this bundle into the container engine of this machine; needs no network.
set -eu
cd "$(dirname "$0")"
sha256sum --quiet --check SHA256SUMS || { echo "the bundle is not what was built: copy it again" >&2; exit 1; }
gzip -dc images.tar.gz | docker load
echo "loaded; start it with: cd $(pwd) && docker compose up --detach --wait"
