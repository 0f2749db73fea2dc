# shellcheck shell=bash
# What it costs to keep events: the same statements while somebody listens to what they
# do, to something else, and nobody at all; what it costs to read them; and the posts of 32
# sessions, each in a transaction of its own, beside nobody and beside a listener.

clock=cpu
posts=$((rows / 15))
documents=$scratch/events.json
nobody="DELETE FROM usage_mgmt.hub_listener; TRUNCATE usage_mgmt.usage_event_0;"

# listens KIND: SQL that registers a listener to these changes
listens() {
	echo "$nobody INSERT INTO usage_mgmt.hub_listener (resource, query, version, owner, kinds, state, life)
		VALUES ('usage', '', 'r14.5', current_user, '{$1}', 'active', usage_mgmt.hub_life());"
}

make_database events
sql events <<SQL
SET client_min_messages = warning;
SELECT FROM usage_mgmt.ensure_partitions('2026-01-01Z', '2026-12-31Z');
INSERT INTO usage_mgmt.usage ($columns) SELECT * FROM bench.voice($rows, '2026-01-01Z', '2026-12-01Z');
COPY (SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u) TO '$documents' WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CREATE TABLE bench.document AS SELECT usage_mgmt.to_tmf(u) AS body FROM usage_mgmt.usage u ORDER BY id LIMIT $posts;
CREATE UNLOGGED TABLE bench.received AS SELECT * FROM usage_mgmt.usage;
UPDATE bench.received SET status = 'received', rated_product_usage = NULL;
SQL
copy="COPY usage_mgmt.usage_document FROM '$documents' WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02');"
post='DO $$
DECLARE
	d record;
BEGIN
	FOR d IN SELECT body FROM bench.document LOOP
		PERFORM usage_mgmt.post_usage(d.body);
	END LOOP;
END
$$;'
refill="SET session_replication_role = replica; TRUNCATE usage_mgmt.usage;
	INSERT INTO usage_mgmt.usage SELECT * FROM bench.received; RESET session_replication_role; VACUUM usage_mgmt.usage;"
guide="UPDATE usage_mgmt.usage SET status = 'guided';"
emptied='TRUNCATE usage_mgmt.usage;'

side copy.nobody events "$emptied $nobody" "$copy"
side copy.create events "$emptied $(listens create)" "$copy"
side copy.delete events "$emptied $(listens delete)" "$copy"
side post.nobody events "$emptied $nobody" "$post"
side post.create events "$emptied $(listens create)" "$post"
side guide.nobody events "$refill $nobody" "$guide"
side guide.status events "$refill $(listens status)" "$guide"
side guide.create events "$refill $(listens create)" "$guide"
# Read as JSON, all in one window, and as pages out of it
read='SELECT count(event) FROM usage_mgmt.next_events((SELECT id FROM usage_mgmt.hub_listener), $rows);'
pages="DO \$\$
DECLARE
	upto text;
BEGIN
	LOOP
		SELECT position INTO upto FROM usage_mgmt.next_events((SELECT id FROM usage_mgmt.hub_listener), 1000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1;
		EXIT WHEN upto IS NULL;
		PERFORM usage_mgmt.confirm_events((SELECT id FROM usage_mgmt.hub_listener), upto);
	END LOOP;
END
\$\$;"
written="$emptied $nobody SELECT FROM usage_mgmt.register_usage_listener(NULL); $copy"
side read.all events "$written" "${read//\$rows/$rows}"
side read.pages events "$written" "$pages"
side read.table events "$written" 'SELECT count(usage_mgmt.to_tmf(u)) FROM usage_mgmt.usage u;'

echo "SELECT usage_mgmt.post_usage((SELECT body FROM bench.document LIMIT 1)::jsonb - 'id');" > "$scratch/post.sql"
sessions="pgbench --no-vacuum --client=32 --jobs=2 --transactions=$((rows / 300)) --file='$scratch/post.sql' > '$scratch/pgbench.log'"
side_command sessions.nobody events "$emptied $nobody" "$sessions"
side_command sessions.create events "$emptied $nobody SELECT FROM usage_mgmt.register_usage_listener(NULL);" "$sessions"
race
compare "COPY, somebody hears creations / nobody" copy.create copy.nobody '<= 1.35'
compare "COPY, somebody hears deletions / nobody" copy.delete copy.nobody '<= 1.03'
compare "post, somebody hears creations / nobody" post.create post.nobody -
# 1.5 of what it was while an UPDATE had transition tables, which took 1.2 times as long.
compare "UPDATE, somebody hears statuses / nobody" guide.status guide.nobody '<= 1.8'
compare "UPDATE, somebody hears creations / nobody" guide.create guide.nobody '<= 1.03'
compare "reading of events / to_tmf of the same" read.all read.table -
compare "the same by pages of 1,000, confirmed" read.pages read.table -
compare "posts of 32 sessions, nobody / a listener" sessions.nobody sessions.create '>= 0.8'
rm "$documents"
sql postgres -c 'DROP DATABASE events'
