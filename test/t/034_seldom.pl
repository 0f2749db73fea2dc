# What happens seldom, and takes a database of its own, for it cannot be taken back: a status that the model does not
# know; what only some files have, a byte order mark; and more months than plans are kept for.

use strict;
use warnings;
use Store;
use Test::More;

my $node = new_node('seldom');

new_store($node, 'seldom');

# A byte order mark is no part of a document, at any door that takes text.
my $document = q({"id":"marked","date":"2001-01-01T00:00:00Z","type":"VOICE"});
my $mark = q(U&'\FEFF');
$node->safe_psql('seldom', "SELECT usage_mgmt.post_usage($mark || '$document')");
$node->safe_psql('seldom', "INSERT INTO usage_mgmt.usage_document VALUES ($mark || '$document')");
is($node->safe_psql('seldom', 'SELECT count(*) FROM usage_mgmt.usage'), 1, 'with a byte order mark it is the same document');
is(sqlstate($node, 'seldom', "SELECT usage_mgmt.post_usage($mark || $mark || '$document')"), '22P02', 'a second one is no JSON');

# Each partition that a usage is looked up in has a plan that is kept, up to so many.
$node->safe_psql('seldom', q{SELECT usage_mgmt.ensure_partitions('1970-01-01', '1990-12-31');
	INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT to_char(m, 'YYYY-MM'), m, 'VOICE' FROM generate_series(timestamptz '1970-01-01 00:00+00', '1990-12-01 00:00+00', '1 month') m});
is($node->safe_psql('seldom', q{SELECT count(*), bool_and(usage_mgmt.get_usage(id) ->> 'date' = id || '-01T00:00:00Z')
	FROM generate_series(1, 2), (SELECT id FROM usage_mgmt.usage WHERE id <> 'marked' ORDER BY id) u}), '504|t', 'more months than plans are kept of, twice');
$node->safe_psql('seldom', q{SELECT usage_mgmt.drop_partitions('1991-01-01', unbilled => true)});

# A label that was added by hand is a status of nothing, and says so.
$node->safe_psql('seldom', q(ALTER TYPE usage_mgmt.usage_status ADD VALUE 'frozen'));
my ($status, $out, $err) = $node->psql('seldom', q(UPDATE usage_mgmt.usage SET status = 'frozen'));
like($err, qr/life cycle "usage_status" knows no status "frozen"/, 'a status that no life cycle knows is named');
like($err, qr/HINT:  A label was added to the type "usage_mgmt.usage_status"/, 'and where it comes from');
is($node->safe_psql('seldom', 'SELECT status FROM usage_mgmt.usage'), 'received', 'and is not stored');

done_testing();
