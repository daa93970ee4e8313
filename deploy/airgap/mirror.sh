# For `source`: where this machine has its Debian packages from, unless DEBIAN_MIRROR or DEBIAN_SECURITY_MIRROR says.

# mirror main|security: the address, or nothing where apt knows none
mirror() {
    if [ "$1" = security ]; then
        [ -z "${DEBIAN_SECURITY_MIRROR:-}" ] || { echo "$DEBIAN_SECURITY_MIRROR"; return; }
        wanted='-security$'
    else
        [ -z "${DEBIAN_MIRROR:-}" ] || { echo "$DEBIAN_MIRROR"; return; }
        wanted='^[a-z]+$'
    fi
    apt-get indextargets --no-release-info --format '$(RELEASE) $(REPO_URI)' 2>/dev/null |
        awk -v wanted="$wanted" '$1 ~ wanted && $2 ~ /debian/ { sub("/$", "", $2); print $2; exit }'
}
