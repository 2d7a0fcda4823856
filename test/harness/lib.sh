# shellcheck shell=bash
# Shared by the scripts of this directory: a private PostgreSQL below build/, as its own installation (so that nothing is
# installed in the system) with throw-away servers in it that no other server can meet.


set -u -o pipefail
umask 022
SECONDS=0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
harness=$root/test/harness
build=$root/build
pg_config=${PG_CONFIG:-pg_config}

# Neither the caller's connection settings nor their locale may reach a test, nor make's job server.
unset "${!PG@}" "${!LC_@}" LANG LANGUAGE MAKEFLAGS MFLAGS MAKELEVEL
export PG_CONFIG=$pg_config LC_ALL=C.UTF-8

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# PostgreSQL refuses to run as root: then everything on the server's side runs as an unprivileged user.
server_user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
	server_user=nobody
	if id postgres >/dev/null 2>&1; then server_user=postgres; fi
fi

# from a directory that this user can be in
as_server() (
	cd / || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --init-groups -- "$@"
	fi
	exec "$@"
)

give_to_server() {
	if [ "$(id -u)" -eq 0 ]; then chown -R "$server_user" "$@"; fi
}

# Sets $private: build/private, or a directory in /tmp that build/private links to, when the path is too long for a socket
# (about 100 bytes), closed to the server's user (a clone in /root), or spelled with blanks or the like.
# Makes the directory $private/NAME in it.
private_dir() { # NAME
	local link=$build/private longest
	mkdir -p "$build"
	exec 8>"$build/lock"
	flock 8
	private=
	if [ -L "$link" ]; then
		private=$(readlink "$link")
		if [ ! -d "$private" ] || [ ! -O "$private" ]; then
			private=
			rm -f "$link"
		fi
	fi
	if [ -z "$private" ]; then
		longest=$link/run.1234567/server/socket/.s.PGSQL.65432
		if [ ${#longest} -lt 100 ] && [[ $link != *[!A-Za-z0-9/._+-]* ]] && as_server test -x "$build" -a -r "$build"; then
			private=$link
			mkdir -p "$private"
		else
			rm -rf "$link"
			private=$(mktemp -d /tmp/mlops-XXXXXXXX) || die "cannot make a directory in /tmp"
			chmod 755 "$private"
			ln -s "$private" "$link"
		fi
	fi
	mkdir -p "$private/$1" || die "cannot make $private/$1"
	exec 8>&-
}

# Nothing stays in /tmp once no server is left there.
private_release() {
	exec 8>"$build/lock"
	flock 8
	if [ -L "$build/private" ] && ! compgen -G "$private/run.*" >/dev/null && [ ! -d "$private/dev" ]; then
		rm -rf "$private"
		rm -f "$build/private"
	fi
	exec 8>&-
}

# Copies the server's programs and links to its libraries and shared files, at the same places below $private/pg: a server
# looks for them relative to its own executable. Then installs the extension there. Sets $bin. NAME instead of pg is the
# place of a server of another major version, SOURCE a copy of the sources that was built for it.
private_pg() { # [NAME SOURCE]
	local bindir pkglibdir sharedir farm=$private/${1:-pg} source=${2:-$root} identity
	bindir=$("$pg_config" --bindir) && pkglibdir=$("$pg_config" --pkglibdir) && sharedir=$("$pg_config" --sharedir) ||
		die "cannot run $pg_config"
	bin=$farm$bindir
	exec 8>"$build/lock"
	flock 8
	identity="$("$pg_config" --version) $bindir $(stat -c '%Y %s' "$bindir/postgres")"
	if [ "$(cat "$farm/identity" 2>/dev/null)" != "$identity" ]; then
		rm -rf "$farm"
		mkdir -p "$bin" "$farm$pkglibdir" "$farm$sharedir"
		local program
		for program in "$bindir"/{postgres,initdb,psql,pg_*,pgbench,createdb,dropdb,createuser,dropuser,vacuumdb,reindexdb}; do
			if [ -f "$program" ]; then cp "$program" "$bin/"; fi
		done
		cp -as "$pkglibdir/." "$farm$pkglibdir/"
		cp -as "$sharedir/." "$farm$sharedir/"
		find "$farm" -name 'mlops*' -type l -delete
		if [ ! -f "$sharedir/extension/pgtap.control" ]; then
			find /usr/share/postgresql/*/extension -name 'pgtap*' -exec ln -sf -t "$farm$sharedir/extension" {} + 2>/dev/null
		fi
		echo "$identity" >"$farm/identity"
	fi
	make -s --no-print-directory -C "$source" -f src/pgxs.mk install DESTDIR="$farm" >/dev/null ||
		die "cannot install the extension into $farm"
	# older versions, to update from
	cp "$root"/test/data/upgrade/mlops--*.sql "$farm$sharedir/extension/" || die "cannot install older versions of the extension"
	exec 8>&-
}

pg_major() { "$1" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }

# other_pg: the same with a server of another major version than PG_CONFIG's, where there is one with all that building
# needs: that of MLOPS_OTHER_PG_CONFIG, else the oldest of Debian's. Sets $other_bin, or to nothing.
other_pg() {
	local candidate ours source=$build/other
	other_bin=
	ours=$(pg_major "$pg_config")
	for candidate in ${MLOPS_OTHER_PG_CONFIG:-$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V)}; do
		if [ -x "$candidate" ] && [ "$(pg_major "$candidate")" != "$ours" ] &&
			[ -f "$("$candidate" --includedir-server)/postgres.h" ] && [ -f "$("$candidate" --pgxs)" ] &&
			[ -x "$("$candidate" --bindir)/initdb" ] && [ -x "$("$candidate" --bindir)/pg_upgrade" ]; then
			mkdir -p "$source"
			rm -rf "$source/src" "$source/sql"
			cp -a "$root/src" "$root/sql" "$root/mlops.control" "$source/"
			other_bin=$(
				pg_config=$candidate
				export PG_CONFIG=$candidate
				make -s --no-print-directory -j"$(nproc 2>/dev/null || echo 2)" -C "$source" -f src/pgxs.mk build >&2 &&
					private_pg pg_other "$source" && echo "$bin"
			) || die "cannot build the extension for $candidate"
			return
		fi
	done
	if [ -n "${MLOPS_OTHER_PG_CONFIG:-}" ]; then
		die "MLOPS_OTHER_PG_CONFIG=$MLOPS_OTHER_PG_CONFIG is not a server of another version, with all that building needs"
	fi
}

free_port() {
	local port
	while :; do
		port=$((49152 + RANDOM % 16000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
}

# server_start DIR [NAME=VALUE…]: make the cluster DIR/data if there is none, start it, and point libpq's variables to it.
server_start() {
	local dir=$1 setting
	shift
	if [ ! -f "$dir/data/PG_VERSION" ]; then
		rm -rf "$dir/data"
		mkdir -p "$dir/socket" || die "cannot make $dir"
		# everybody may log in as superuser, but only its owner gets to the socket
		chmod 700 "$dir"
		give_to_server "$dir"
		as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N \
			>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die "initdb failed"; }
		as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$dir/socket'
			port = $(free_port)
			timezone = 'UTC'
			log_timezone = 'UTC'
			fsync = off
			synchronous_commit = off
			full_page_writes = off
			shared_buffers = 256MB
			max_wal_size = 4GB
			max_connections = 50
			max_worker_processes = 8
			max_parallel_workers = 4
			log_line_prefix = '%m [%p] %q%a '
			log_min_messages = warning
		CONF
		for setting; do
			echo "${setting%%=*} = '${setting#*=}'" | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
		done
	fi
	as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -s start </dev/null ||
		{ cat "$dir/server.log" >&2; die "the server did not start"; }
	server_env "$dir"
}

server_env() {
	PGHOST=$1/socket
	PGPORT=$(sed -n 's/^port = //p' "$1/data/postgresql.conf" | tail -n 1)
	export PGHOST PGPORT PGUSER=postgres PGDATABASE=postgres PGAPPNAME=mlops_test
	export PATH=$bin:$PATH MLOPS_ROOT=$root MLOPS_DATADIR=$root/test/data
}

server_running() {
	as_server "$bin/pg_ctl" -D "$1/data" status >/dev/null 2>&1
}

# servers_end DIR: stop every server whose data lies below DIR, whoever started it
servers_end() {
	local file pid waited
	while IFS= read -r file; do
		pid=$(head -n 1 "$file" 2>/dev/null)
		case $(readlink "/proc/$pid/exe" 2>/dev/null) in
		"$private"/pg/* | "$private"/pg_other/*) ;;
		*) continue ;;
		esac
		kill -QUIT "$pid" 2>/dev/null
		for ((waited = 0; waited < 100; waited++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
	done < <(find "$1" -maxdepth 6 -name postmaster.pid 2>/dev/null)
	return 0
}

# run_begin: make $run, a directory for the servers and files of this script, which end when the script does, however it
# ends: a trap for the usual ways, and a watcher in a session of its own for a SIGKILL.
run_begin() {
	local old
	private_dir "run.$$"
	for old in "$private"/run.*; do
		if [ -d "$old" ] && ! kill -0 "${old##*.}" 2>/dev/null; then run_remove "$old"; fi
	done
	run=$private/run.$$
	trap run_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	setsid "$harness/watch" $$ "$private" "$run" </dev/null >/dev/null 2>&1 &
	watcher=$!
	disown "$watcher"
}

run_remove() {
	if [ -s "$1/child" ]; then session_end "$(cat "$1/child")"; fi
	servers_end "$1"
	rm -rf "$1"
}

# session_end SID: end every process of a session (a process group is not enough: timeout makes its own)
session_end() {
	local signal stat fields waited
	for signal in TERM KILL; do
		for ((waited = 0; waited < 30; waited++)); do
			local found=
			for stat in /proc/[0-9]*/stat; do
				# the name in parentheses may contain anything
				fields=$(cat "$stat" 2>/dev/null) || continue
				read -r -a fields <<<"${fields##*) }"
				if [ "${fields[3]}" = "$1" ] && [ "${fields[0]}" != Z ]; then
					found=yes
					if [ "$waited" -eq 0 ]; then kill "-$signal" "$(basename "$(dirname "$stat")")" 2>/dev/null; fi
				fi
			done
			if [ -z "$found" ]; then return 0; fi
			sleep 0.1
		done
	done
}

run_end() {
	trap '' INT TERM HUP
	run_remove "$run"
	private_release
	kill -TERM -- "-$watcher" 2>/dev/null
	return 0
}

# run_child CMD…: run it in a session of its own, so that run_end can end all of it
run_child() {
	setsid "$@" </dev/null &
	local child=$! status=0
	echo "$child" >"$run/child"
	wait "$child" || status=$?
	rm -f "$run/child"
	return "$status"
}

# template_ready: make the database mlops_template (test data, mlops, pgtap), from which tests and developers get theirs
template_ready() {
	local wanted
	wanted=$(cat "$root"/build/mlops--*.sql "$root"/mlops.control "$root"/test/data/load.sql | sha256sum | cut -c1-64)
	if [ "$(psql -XAtc "SELECT shobj_description(oid, 'pg_database') FROM pg_database
			WHERE datname = 'mlops_template'")" = "$wanted" ]; then return; fi
	psql -Xq -v ON_ERROR_STOP=1 <<-SQL || return 1
		SET client_min_messages = warning;
		DROP DATABASE IF EXISTS mlops_template;
		CREATE DATABASE mlops_template;
	SQL
	cd "$root" && psql -Xq -v ON_ERROR_STOP=1 -d mlops_template -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION mlops' \
		-f test/data/load.sql -c 'VACUUM ANALYZE' \
		-c "COMMENT ON DATABASE mlops_template IS '$wanted'"
}

# The Perl tests run as the server's user: where it cannot read the sources, they get a copy. Sets $tests.
tests_readable() {
	tests=$root/test
	if as_server test -r "$tests/t" -a -r "$tests/data/load.sql"; then return; fi
	tests=$run/source/test
	mkdir -p "$run/source"
	find "$root" -mindepth 1 -maxdepth 1 ! -name build ! -name '.git*' ! -name '*.so' -exec cp -r -t "$run/source" {} +
	chmod -R go+rX "$run/source"
}
