# shellcheck shell=bash
# What the other scripts share; sourced, never run.
#
# run_suites works in a tree that is built and whose extension is installed. It
# makes a throwaway cluster, runs regress, isolation and TAP there and appends one
# line "suite passed failed skipped" per suite to a file. It needs no root (initdb
# refuses it) and no /proc (a chroot may have none), so no process substitution.

suites='regress isolation tap'

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Installing packages and extensions takes root; these are all a caller may set.
become_root() {
	[ "$(id -u)" = 0 ] || exec sudo ${PG_CONFIG:+"PG_CONFIG=$PG_CONFIG"} \
		${POSTGREST:+"POSTGREST=$POSTGREST"} ${SCENARIOS:+"SCENARIOS=$SCENARIOS"} "$0" "$@"
}

# The caller's connection settings, locale and make must not reach the tests.
clean_environment() {
	local name
	for name in $(compgen -e); do
		case $name in
			PG[A-Z]*|LC_*|LANGUAGE|MAKEFLAGS|MAKELEVEL|MFLAGS|TMPDIR) unset "$name" ;;
		esac
	done
	export LANG=C.UTF-8
	umask 022
}

# Tracked files and new ones that are not ignored, as they are in the work tree.
# The owner of the checkout may be somebody else than root. What git does not know is an
# unpacked distribution, or a copy already, with the folder of a test that runs there: what
# was compiled there is not taken along, as other flags may come.
copy_checkout() {
	local from=$1 to=$2
	if [ -e "$from/.git" ]; then
		git -c safe.directory='*' -C "$from" ls-files -z --cached --others --exclude-standard
	else
		(cd "$from" && find . -name tmp_check -prune -o ! -type d ! -name '*.o' -printf '%P\0')
	fi |
		while IFS= read -r -d '' file; do
			if [ -e "$from/$file" ] || [ -L "$from/$file" ]; then
				printf '%s\0' "$file"
			fi
		done | tar -C "$from" --no-recursion --null -T - -cf - | tar -C "$to" --no-same-owner -xf -
}

# The Debian archive that this system's own suite comes from. The label tells it from
# other archives that name a suite alike.
debian_mirror() {
	local suite uri
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	uri=$(targets_of "$suite")
	# Before its first update apt knows no labels.
	[ -n "$uri" ] || { apt-get update -q >&2; uri=$(targets_of "$suite"); }
	[ -n "$uri" ] || die "apt's sources name no Debian archive"
	echo "$uri"
}

targets_of() {
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^$1 main Debian|//p" | head -n 1
}

# ---- roots: a Debian system in a folder, for script/test-versions, -package and -bare ----

# PostgreSQL version:Debian suite that has it, oldest first.
versions='15:bookworm 17:trixie 18:forky'

versions_of_debian() {
	local entry
	for entry in $versions; do
		echo "${entry%%:*}"
	done
}

# suite_of VERSION: fails where there is none.
suite_of() {
	local entry
	for entry in $versions; do
		[ "${entry%%:*}" != "$1" ] || { echo "${entry##*:}"; return 0; }
	done
	return 1
}

# debian_root OPTION... SUITE FOLDER SOURCE...: mmdebstrap as apt is set up here. What is
# said of apt stays said in the root, so that packages can be installed there later.
# An archive of a suite under way may be a mirror's copy of some weeks ago.
debian_root() {
	local proxy p=
	proxy=$(apt-config shell p Acquire::http::Proxy)
	eval "$proxy"
	mmdebstrap --mode=root --format=directory --dpkgopt=force-unsafe-io \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		${p:+--aptopt="Acquire::http::Proxy \"$p\""} "$@"
}

# make_root SUITE FOLDER: a bare system of that Debian. A package starts no server there,
# except PostgreSQL's, which starts its clusters as on any machine. FOLDER must not exist.
make_root() {
	debian_root --quiet --variant=minbase --skip=cleanup/apt/lists "$1" "$2" "deb $(debian_mirror) $1 main" ||
		die "no Debian $1 could be had from the archive that apt names here: what apt said is above"
	cat > "$2/usr/sbin/policy-rc.d" <<-'SH'
		#!/bin/sh
		case $1 in postgresql*) exit 0 ;; esac
		exit 101
	SH
	chmod 755 "$2/usr/sbin/policy-rc.d"
	printf '127.0.0.1\tlocalhost %s\n' "$(uname -n)" > "$2/etc/hosts"
}

# install_in_root FOLDER PACKAGE...: with what they recommend; these may be apt-get's options
# and files, too.
install_in_root() {
	local folder=$1
	shift
	in_root "$folder" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y "$@"
}

mounts_allowed() {
	unshare --mount true 2> /dev/null
}

# in_root FOLDER COMMAND...: as root, with /proc, /sys, /dev/pts and /dev/shm of its own, of
# which nothing is mounted outside. Servers that it starts go on; the network is this
# machine's. Where no mounts may be made there are none of these.
in_root() {
	if ! mounts_allowed; then
		chroot "$@"
		return
	fi
	unshare --mount sh -ec '
		mount -t proc proc "$0/proc"
		mount -t sysfs -o ro sysfs "$0/sys"
		mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts "$0/dev/pts"
		mount --bind "$0/dev/pts/ptmx" "$0/dev/ptmx"
		exec chroot "$0" "$@"' "$@"
}

# in_background COMMAND...: as the command itself, but a signal ends the script at once, and
# not first when a package is built. In a condition bash would go on where it fails half-way, and
# where its output is redirected here, the last line of the script would be, too.
in_background() {
	local status=0
	set -m
	(set -e; "$@") < /dev/null &
	background=$!
	set +m
	wait "$background" || status=$?
	background=
	return "$status"
}

# drop_roots FOLDER...: with whatever runs there. A server that is killed at once would leave its
# shared memory.
drop_roots() {
	local signal try
	for signal in INT KILL; do
		for try in $(seq 50); do
			running_in "$@" > /dev/null || break 2
			[ "$try" != 1 ] || kill -s "$signal" -- $(running_in "$@") 2> /dev/null || true
			sleep 0.1
		done
	done
	rm -rf --one-file-system "$@"
}

# running_in FOLDER...: and the group of what is in the background.
running_in() {
	local process folder found=1
	if [ -n "${background:-}" ] && kill -0 -- "-$background" 2> /dev/null; then
		echo "-$background"
		found=0
	fi
	for process in /proc/[0-9]*; do
		for folder in "$@"; do
			[ "$process/root" -ef "$folder" ] || continue
			echo "${process##*/}"
			found=0
		done
	done
	return "$found"
}

# with_llvm: byte code would need clang at the very version the server was built with.
pgxs_make() {
	make --no-print-directory PG_CONFIG="$PG_CONFIG" with_llvm=no "$@"
}

# build [FLAG...]
build() {
	# an earlier checkout, which is measured against, has fewer checks
	pgxs_make -s -j"$(nproc)" COPT="-Werror $*" all &&
		pgxs_make -s COPT="-Werror $*" $(grep -oE '^check-(symbols|layers):' Makefile | tr -d :)
}

# A file that the checkout no longer has must not be found from an earlier run.
uninstall() {
	rm -f "$("$PG_CONFIG" --pkglibdir)/$1.so" \
		"$("$PG_CONFIG" --sharedir)/extension/$1"{.control,--*.sql}
}

# What the Makefile says, not a second list here.
make_variable() {
	pgxs_make -s --eval="um-print: ; @echo \$($1)" um-print
}

# Reads both reports of pg_regress: "test x ... ok 1 ms" up to 15, TAP from 16 on.
tally_pg_regress() {
	awk -v wanted="$2" '
		/^(not )?ok [0-9]+ +[-+] / {
			if (/# SKIP/) skipped++
			else if ($1 == "ok") passed++
			else failed++
			next
		}
		/^(test|  ) .* \.\.\. / {
			sub(/^.* \.\.\. +/, "")
			if (/^ok/) passed++
			else if (/^failed \(ignored\)/) skipped++
			else failed++
		}
		END {
			missing = wanted - passed - failed - skipped
			if (missing > 0) failed += missing
			print passed + 0, failed + 0, skipped + 0
		}' "$1"
}

# run_pg_regress SUITE COUNTS FOLDER NAMES: FOLDER is where the differences end up.
run_pg_regress() {
	local suite=$1 counts=$2 folder=$3 names=$4
	local log="$scratch/$suite.log" status=0 passed failed skipped
	local REGRESS='' ISOLATION=''

	[ "$suite" = regress ] && REGRESS=$names || ISOLATION=$names
	pgxs_make -s installcheck REGRESS="$REGRESS" ISOLATION="$ISOLATION" TAP_TESTS= 2>&1 |
		tee "$log" || status=$?
	read -r passed failed skipped <<< "$(tally_pg_regress "$log" "$(wc -w <<< "$names")")"
	if [ "$status" != 0 ]; then
		[ "$failed" -gt 0 ] || failed=1
		cat "$folder/regression.diffs" 2>/dev/null || true
	fi
	echo "$suite $passed $failed $skipped" >> "$counts"
}

run_tap() {
	local counts=$1 files=$2
	local tally="$scratch/tap.tally" status=0 passed=0 failed=0 skipped=0 file

	TAP_TALLY=$tally pgxs_make -s installcheck REGRESS= ISOLATION= TAP_TESTS=1 PROVE_TESTS="$files" \
		PROVE_FLAGS="--formatter TapTally --jobs 2 ${PROVE_FLAGS:-}" 2>&1 || status=$?
	if [ -s "$tally" ]; then
		read -r passed failed skipped < "$tally"
	fi
	if [ "$status" != 0 ]; then
		[ "$failed" -gt 0 ] || failed=1
		sed 1d "$tally" | while read -r file; do
			file=tmp_check/log/regress_log_$(basename "$file" .pl)
			echo "--- end of $file"
			tail -n 60 "$file" || true
		done
	fi
	echo "tap $passed $failed $skipped" >> "$counts"
}

# tap_files NAMES: those files, or all of them; "upgrade" is test/t/upgrade.pl.
tap_files() {
	local name
	if [ $# = 0 ]; then
		make_variable 'wildcard $(PROVE_TESTS)'
		return
	fi
	for name in "$@"; do
		name=${name##*/}
		echo "test/t/${name%.pl}.pl"
	done
}

# start_cluster [LINE...]: the lines go into postgresql.conf.
start_cluster() {
	export PGHOST=$scratch/socket PGPORT=5432 PGDATABASE=postgres
	mkdir "$PGHOST"
	"$bindir/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 \
		--locale=C.UTF-8 --pgdata="$scratch/data" > "$scratch/initdb.log" 2>&1 ||
		{ cat "$scratch/initdb.log"; return 1; }
	cat >> "$scratch/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$PGHOST'
		wal_level = logical
		fsync = off
		jit = off
	CONF
	printf '%s\n' "$@" >> "$scratch/data/postgresql.conf"
	"$bindir/pg_ctl" --wait --silent --pgdata="$scratch/data" --log="$scratch/server.log" start ||
		{ cat "$scratch/server.log"; return 1; }
}

stop_cluster() {
	# Why a test found no server is in the server's log alone.
	if grep -qsE 'PANIC|terminated by signal' "$scratch/server.log"; then
		echo "--- the server broke down; from its log:"
		grep -E -A 15 'PANIC|TRAP|AddressSanitizer:|runtime error:|terminated by signal' "$scratch/server.log"
	fi
	"$bindir/pg_ctl" --silent --mode=immediate --pgdata="$scratch/data" stop 2>/dev/null || true
	rm -rf "$scratch"
}

# A test that was killed may have left its clusters running. As postgres, so that a
# number that has come to belong to another process meets a refusal.
stop_clusters_below() {
	find "$1" -name postmaster.pid -exec head -q -n 1 {} + 2>/dev/null |
		xargs --no-run-if-empty runuser -u postgres -- kill -QUIT 2>/dev/null || true
}

# run_suites COUNTS [SUITE [NAME...]]
run_suites() {
	local counts=$1 only=${2:-} suite names
	shift; [ $# = 0 ] || shift

	bindir=$("$PG_CONFIG" --bindir)
	scratch=$(mktemp -d)
	trap stop_cluster EXIT
	export TMPDIR=$scratch HOME=$scratch
	start_cluster

	for suite in ${only:-$suites}; do
		case $suite in
			regress)   names=${*:-$(make_variable REGRESS)} ;;
			isolation) names=${*:-$(make_variable ISOLATION)} ;;
			tap)       names=$(tap_files "$@") ;;
			*)         die "no suite named $suite (there are: $suites)" ;;
		esac
		if [ -z "${names// }" ]; then
			echo "$suite: there are no tests"
			continue
		fi
		case $suite in
			regress)   run_pg_regress regress "$counts" . "$names" ;;
			isolation) run_pg_regress isolation "$counts" output_iso "$names" ;;
			tap)       run_tap "$counts" "$(echo $names)" ;;
		esac
	done
}

# add_up COUNTS...: "passed failed skipped" over all suites of the files.
add_up() {
	cat "$@" 2> /dev/null | awk '{ p += $2; f += $3; s += $4 } END { print p + 0, f + 0, s + 0 }'
}

# ends_with_sum: however the script ends, its before_leaving() cleans up, and then the last line
# is what the file $counts had added up to; the status is 0 only if some passed and none failed.
ends_with_sum() {
	counts=
	trap leave_with_sum EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

leave_with_sum() {
	local status=$? passed failed skipped
	trap - EXIT
	trap '' INT TERM
	read -r passed failed skipped <<< "$(add_up "${counts:-/dev/null}")"
	before_leaving || true
	# Whatever ended the run early is a failure of its own.
	[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ] || exit 1
	exit 0
}

# ---- a cluster to look at: script/demo and script/serve ----

# make_scratch NAME: the folders $work and $scratch, which go when the script ends, behind
# what its before_leaving() does.
make_scratch() {
	# Not under TMPDIR: the path of a socket must be short and open to postgres.
	work=$(mktemp -d "/tmp/usage_mgmt-$1.XXXXXX")
	# Debian's server loads extensions from any folder.
	export PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
	export scratch=$work/cluster bindir=${PG_CONFIG%/*}
	trap leave_scratch EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

leave_scratch() {
	local status=$?
	trap - EXIT
	trap '' INT TERM
	[ "$(type -t before_leaving)" != function ] || before_leaving
	[ ! -d "$scratch/data" ] || as_postgres stop_cluster
	rm -rf "$work"
	exit "$status"
}

# quietly WHAT COMMAND...: what the command prints is shown only if it fails.
quietly() {
	echo "$1 ..."
	shift
	"$@" > "$work/log" 2>&1 < /dev/null || { cat "$work/log"; return 1; }
}

# A server refuses to be root's; anybody else is good enough.
as_postgres() {
	local as=
	[ "$(id -u)" != 0 ] || as='runuser -u postgres --'
	# nothing that is left running may hold the lock of the run
	$as bash -euo pipefail -c '. script/lib.sh; "$@"' "$0" "$@" 9>&-
}

# become FILE COMMAND...: the command, whose process number is in the file.
become() {
	echo $$ > "$1"
	shift
	exec "$@"
}

# start_scratch TOP: builds the checkout, installs it below $work and starts a cluster that
# has the extension in its database postgres.
start_scratch() {
	clean_environment
	mkdir "$work/tree" "$work/installed" "$scratch"
	copy_checkout "$1" "$work/tree"
	[ "$(id -u)" != 0 ] || chown -R postgres "$work"
	cd "$work/tree"

	quietly "Building" as_postgres build
	quietly "Installing into a temporary folder" pgxs_make install DESTDIR="$work/installed"
	quietly "Making a cluster" as_postgres start_cluster "extension_destdir = '$work/installed'" \
		"dynamic_library_path = '$work/installed$("$PG_CONFIG" --pkglibdir):\$libdir'"
	export PGHOST=$scratch/socket PGPORT=5432 PGDATABASE=postgres
	as_postgres "$bindir/psql" -X -q -U postgres -c 'CREATE EXTENSION usage_mgmt'
}

# ---- nginx and PostgREST: script/serve and the tests ----

# postgrest_options PORT CONNECTION SECRET: deploy/postgrest.conf for this port, database and
# secret.
postgrest_options() {
	sed -e "s|^server-port = .*|server-port = $1|" -e "s|^db-uri = .*|db-uri = \"$2\"|" \
		-e "s|^jwt-secret = .*|jwt-secret = \"$3\"|" deploy/postgrest.conf
}

# start_nginx FOLDER PORT INNER POSTGREST [FILTER]: deploy/nginx.conf with these three ports,
# changed by a filter of sed's. What it writes is below FOLDER. $docs is the folder of
# Swagger UI.
start_nginx() {
	local folder=$1
	sed -e "s|listen 80;|listen 127.0.0.1:$2;|" -e "s|127\.0\.0\.1:3001|127.0.0.1:$3|" \
		-e "s|127\.0\.0\.1:3000|127.0.0.1:$4|" -e "s|/usr/share/usage_mgmt/page|$PWD/deploy/page|" \
		-e "s|/usr/share/usage_mgmt/docs|${docs:-$folder/docs}|" -e "${5:-}" deploy/nginx.conf > "$folder/usage_mgmt.conf"
	cat > "$folder/nginx.conf" <<-CONF
		pid $folder/nginx.pid;
		error_log $folder/error.log;
		worker_processes 2;
		events { worker_connections 2048; }
		http {
			access_log off;
			client_body_temp_path $folder/body;
			proxy_temp_path $folder/proxy;
			fastcgi_temp_path $folder/fastcgi;
			uwsgi_temp_path $folder/uwsgi;
			scgi_temp_path $folder/scgi;
			include $folder/usage_mgmt.conf;
		}
	CONF
	/usr/sbin/nginx -e "$folder/error.log" -p "$folder" -c "$folder/nginx.conf"
}

stop_nginx() {
	/usr/sbin/nginx -e "$1/error.log" -p "$1" -c "$1/nginx.conf" -s stop
}
