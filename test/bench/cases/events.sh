# shellcheck shell=bash
# What it costs to keep events: the same statements while somebody listens to what they
# do, to something else, and nobody at all.

clock=cpu
posts=$((rows / 15))
documents=$scratch/events.json
nobody="DELETE FROM usage_mgmt.hub_listener; TRUNCATE usage_mgmt.usage_event_0;"

# listens KIND: SQL that registers a listener to these changes
listens() {
	echo "$nobody INSERT INTO usage_mgmt.hub_listener (resource, query, version, owner, kinds, state)
		VALUES ('usage', '', 'r14.5', current_user, '{$1}', 'active');"
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
race
compare "COPY, somebody hears creations / nobody" copy.create copy.nobody '<= 1.35'
compare "COPY, somebody hears deletions / nobody" copy.delete copy.nobody '<= 1.03'
compare "post, somebody hears creations / nobody" post.create post.nobody -
compare "UPDATE, somebody hears statuses / nobody" guide.status guide.nobody '<= 1.5'
compare "UPDATE, somebody hears creations / nobody" guide.create guide.nobody '<= 1.03'
rm "$documents"
sql postgres -c 'DROP DATABASE events'
