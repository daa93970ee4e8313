#!/bin/sh
# Installs the Python packages of both images beside this file: `install.sh DIRECTORY-OF-THIS-FILE`. What is there
# already stays, and no network is asked; otherwise they come from the package index. Either way each file that was
# downloaded had one of the hashes in the lock.
set -eu
here=$1
if [ ! -d "$here/services" ]; then
    apt-get update
    apt-get install --yes --no-install-recommends python3-pip
    for part in services servers; do
        python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --root-user-action ignore \
            --no-compile --no-deps --require-hashes --target "$here/$part" -r "$here/$part.lock"
    done
fi
# The file system will be read-only: what is not compiled now is compiled on every start.
python3 -m compileall -q -j 0 "$here/services" "$here/servers"
