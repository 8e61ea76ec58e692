# Shared by the scripts of deploy/, tests/run and .ci/run: messages, the unprivileged user, the
# list of packages, the build. Source it; it defines functions and changes nothing.
# shellcheck shell=bash

OTKLIK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The user that PostgreSQL and the services run as when the scripts are run by root.
OTKLIK_SERVICE_USER=${OTKLIK_SERVICE_USER:-postgres}

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WHAT TO DO NEXT]...: prints both and ends the script.
die() {
	say "${0##*/}: $1"
	shift
	local line
	for line in "$@"; do say "  $line"; done
	exit 1
}

# Runs a command as the unprivileged user when we are root, else as ourselves. The current
# folder becomes / because the user may not be allowed into ours.
as_service() {
	if [[ $EUID -eq 0 ]]; then
		(cd / && exec setpriv --reuid="$OTKLIK_SERVICE_USER" \
			--regid="$(id -g "$OTKLIK_SERVICE_USER")" --init-groups \
			--reset-env -- "$@")
	else
		(cd / && exec "$@")
	fi
}

# Gives files to the unprivileged user; nothing to do when we are not root.
give_to_service() {
	[[ $EUID -ne 0 ]] || chown "$OTKLIK_SERVICE_USER:$(id -gn "$OTKLIK_SERVICE_USER")" "$@"
}

# packages_for USE...: the packages that deploy/packages lists for these uses.
packages_for() {
	local use
	for use in "$@"; do
		awk -v use="$use" '$1 == use { print $2 }' "$OTKLIK_ROOT/deploy/packages"
	done
}

# packages_missing USE...: those of them that are not installed. OTKLIK_PACKAGES_HAVE names what
# is there in another way.
packages_missing() {
	local installed package
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
		awk '$1 == "installed" { print $2 }')
	installed+=$'\n'${OTKLIK_PACKAGES_HAVE-}
	packages_for "$@" | while read -r package; do
		grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
	done
}

# packages_install USE...: installs what is missing; touches neither network nor root rights
# when nothing is.
packages_install() {
	local -a missing sudo=()
	command -v dpkg-query >/dev/null ||
		die 'this is not a Debian system (no dpkg-query)' \
			'otklik is built and tested on Debian 12; see deploy/packages for what it needs'
	mapfile -t missing < <(packages_missing "$@")
	[[ ${#missing[@]} -gt 0 ]] || return 0
	if [[ $EUID -ne 0 ]]; then
		sudo=(sudo)
		command -v sudo >/dev/null ||
			die "these packages are missing: ${missing[*]}" \
				"as root: apt-get install --no-install-recommends ${missing[*]}"
	fi
	say "installing: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# Without a fresh list apt may know the packages already (or have them in its cache).
	if ! "${sudo[@]}" apt-get update -qq </dev/null >&2; then
		say 'apt-get update failed; trying with the lists at hand'
	fi
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "${missing[@]}" </dev/null >&2 ||
		die 'apt-get could not install the packages' \
			"as root, when the network is back: apt-get install ${missing[*]}"
}

# The compiler jobs that memory allows as well as processors: one for each 512 MiB.
build_jobs() {
	local cores memory
	cores=$(nproc)
	memory=$(awk '/^MemAvailable:/ { print int($2 / 524288) }' /proc/meminfo)
	if [[ $memory -lt 1 ]]; then memory=1; fi
	if [[ $memory -lt $cores ]]; then echo "$memory"; else echo "$cores"; fi
}

# build_preset PRESET [TARGET...]: configures once, then builds what changed; BUILD_DID says "yes"
# or "no". Output goes to standard error, and only when it failed.
build_preset() {
	local preset=$1 dir="$OTKLIK_ROOT/build/$1" log
	shift
	mkdir -p "$dir"
	log=$dir/build.log
	BUILD_DID=yes
	# One build at a time: two test runs in one tree must not race in ninja.
	(
		flock 9
		cd "$OTKLIK_ROOT"
		if [[ ! -e $dir/build.ninja ]]; then
			cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
		fi
		cmake --build "$dir" -j "$(build_jobs)" ${1+--target "$@"} >"$log" 2>&1 ||
			{ grep -v '^\[[0-9]*/[0-9]*\] ' "$log" | tail -n 80 >&2; exit 1; }
	) 9>"$dir/.lock" || die "the build of preset $preset failed" "the whole output: $log"
	# shellcheck disable=SC2034
	if grep -q '^ninja: no work to do' "$log"; then BUILD_DID=no; fi
}
