# Background programs with a pid file and a log, without systemd: start, stop, state. The caller
# sets SERVICES to the folder of pid files and LOGS to that of the logs.
# shellcheck shell=bash

# Pid and start time, because a number alone may have gone to another program since.
service_mark() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# The program's name, in brackets, may hold blanks: count fields behind it.
	# shellcheck disable=SC2086
	set -- "$1" ${stat##*) }
	[[ $2 != Z ]] || return 1
	echo "$1 ${21}"
}

# The pid of a running service, or failure.
service_pid() {
	local recorded
	recorded=$(cat "$SERVICES/$1.pid" 2>/dev/null) || return 1
	[[ $(service_mark "${recorded%% *}") = "$recorded" ]] || return 1
	echo "${recorded%% *}"
}

# service_start NAME COMMAND...: harmless when it runs already.
service_start() {
	local name=$1 pid
	shift
	! service_pid "$name" >/dev/null || return 0
	if [[ $EUID -eq 0 ]]; then
		set -- setpriv --reuid="$OTKLIK_SERVICE_USER" \
			--regid="$(id -g "$OTKLIK_SERVICE_USER")" --init-groups --reset-env -- "$@"
	fi
	(cd / && exec setsid "$@" </dev/null >>"$LOGS/$name.log" 2>&1 9>&-) &
	pid=$!
	sleep 0.2
	service_mark "$pid" >"$SERVICES/$name.pid" || {
		rm -f "$SERVICES/$name.pid"
		tail -n 15 "$LOGS/$name.log" >&2
		die "$name ended at once" "its log: $LOGS/$name.log"
	}
	disown "$pid"
}

# service_stop NAME: SIGTERM, and after 20 s SIGKILL to the whole session.
service_stop() {
	local name=$1 pid
	pid=$(service_pid "$name") || { rm -f "$SERVICES/$name.pid"; return 0; }
	kill "$pid" 2>/dev/null || true
	for ((i = 0; i < 200; i++)); do
		service_pid "$name" >/dev/null || break
		sleep 0.1
	done
	if service_pid "$name" >/dev/null; then
		say "$name does not leave; killing it"
		kill -9 -- "-$pid" 2>/dev/null || kill -9 "$pid" || true
	fi
	rm -f "$SERVICES/$name.pid"
}

# Whether nothing listens on a port of loopback.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# find_port FIRST: the first free one from there on.
find_port() {
	local port
	for ((port = $1; port < $1 + 200; port++)); do
		if port_is_free "$port"; then
			echo "$port"
			return
		fi
	done
	die "no free port from $1 on"
}
