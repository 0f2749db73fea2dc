# shellcheck shell=bash
# Memory of an import and an export by usagectl, of the file and of a quarter of it: the
# backend's own memory (RssAnon) over that of an idle one, and all of the client's
# (VmHWM), at their peaks. And that nothing is lost on the way: what was imported is
# exported, imported elsewhere, and both stores are to have the file's documents.
#
# --only memory --rows 1900000 does it with a file of 2 GB.

voice_file voice.json
file=$scratch/voice.json part=$scratch/quarter.json
head -n $(((rows + 3) / 4)) "$file" > "$part"
for name in memory memory_quarter memory_again; do
	make_database "$name"
done
idle=$(sql memory -c "SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')")

# peaks DATABASE ARGUMENT...: runs usagectl and looks at it until it ends; leaves the
# most that its backend and it itself had, in kB. The backend is known by its title.
peaks() {
	local name=$1 postmaster client pid key kilobytes
	shift
	read -r postmaster < "$scratch/data/postmaster.pid"
	backend_peak=0 client_peak=0
	PGDATABASE=$name "$usagectl" "$@" > "$scratch/usagectl.log" 2>&1 &
	client=$!
	while [ -e "/proc/$client/exe" ]; do
		for pid in "$client" $(pgrep -P "$postmaster" -f "^postgres: postgres $name \[local\]"); do
			while read -r key kilobytes _; do
				case $pid:$key in
					$client:VmHWM:) [ "$kilobytes" -le "$client_peak" ] || client_peak=$kilobytes ;;
					$client:*)      ;;
					*:RssAnon:)     [ "$kilobytes" -le "$backend_peak" ] || backend_peak=$kilobytes ;;
				esac
			done 2> /dev/null < "/proc/$pid/status" || true
		done
		sleep 0.01
	done
	wait "$client" || die "memory: $(cat "$scratch/usagectl.log")"
	[ "$backend_peak" -gt 0 ] && [ "$client_peak" -gt 0 ] || die 'memory: it ended before it was seen'
	backend_peak=$((backend_peak > idle ? backend_peak - idle : 0))
	say "$* of $name: backend $backend_peak kB over $idle kB, client $client_peak kB"
}

grown=0
# of_both WHAT BACKEND CLIENT: the lines of an import or export. The two peaks are those
# of the quarter; the last ones seen are of the whole.
of_both() {
	of_each "$1, memory of the backend over idle" "$backend_peak" "$2"
	of_each "$1, memory of usagectl" "$client_peak" "$3"
}
of_each() {
	local whole quarter
	whole=$(megabytes $(($2 * 1024))) quarter=$(megabytes $(($3 * 1024)))
	row "$1: all, a quarter" "$whole" "$quarter" "$whole" '<= 64 MB'
	[ $(($2 - $3)) -le "$grown" ] || grown=$(($2 - $3))
}

peaks memory_quarter import "$part"
backend=$backend_peak client=$client_peak
peaks memory import "$file"
of_both import "$backend" "$client"
peaks memory_quarter export "$scratch/quarter.out"
backend=$backend_peak client=$client_peak
peaks memory export "$scratch/whole.out"
of_both export "$backend" "$client"
row 'the most that the other three quarters added' - - "$(megabytes $((grown * 1024)))" '<= 4 MB'

# checksum DATABASE: of all documents, in the order of their ids, which is the file's
checksum() {
	sql "$1" -c "COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u ORDER BY id)
		TO STDOUT WITH $lines" | md5sum
}
peaks memory_again import "$scratch/whole.out"
sent=$(md5sum < "$file")
[ "$(checksum memory)" = "$sent" ] || die 'memory: what was stored is not what was sent'
[ "$(checksum memory_again)" = "$sent" ] || die 'memory: what was exported is not what was stored'
row "export, and import of that, of $(megabytes "$(stat -c %s "$file")")" "md5 ${sent:0:8}" \
	"md5 ${sent:0:8}" same same

rm "$part" "$scratch"/{quarter,whole}.out
for name in memory memory_quarter memory_again; do
	sql postgres -c "DROP DATABASE $name"
done
