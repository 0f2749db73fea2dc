# Hrefs and query strings are percent-encoded as UTF-8, whatever the database's encoding, and what an href
# names is found by it.

use strict;
use warnings;
use Store;
use Test::More;

my $node = new_node('encodings');

# A text of UTF-8 in whatever encoding the server has.
sub text_of
{
	my ($utf8) = @_;

	return "convert_from('\\x" . unpack('H*', $utf8) . "', 'UTF8')";
}

sub encoded { return join '', map { sprintf '%%%02X', $_ } unpack 'C*', $_[0] }

foreach my $case ([ 'UTF8', "\xc3\xa9\xe2\x82\xac" ], [ 'LATIN1', "\xc3\xa9" ], [ 'LATIN9', "\xe2\x82\xac" ],
	[ 'EUC_JP', "\xe6\x97\xa5\xe6\x9c\xac" ], [ 'WIN1252', "a\xe2\x82\xac/\xc3\xbf" ])
{
	my ($encoding, $utf8) = @$case;
	my $db = 'db_' . lc $encoding;
	my $id = text_of($utf8);
	my $path = encoded($utf8) =~ s/%61/a/r;
	my $href = "/usageManagement/usage/$path";

	$node->safe_psql('postgres', "CREATE DATABASE $db ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($db, 'CREATE EXTENSION usage_mgmt');
	$node->safe_psql($db, <<"SQL");
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, usage_characteristic, extra)
VALUES ($id, '2001-01-05', 'Voice', $id, json_build_array(json_build_object('name', $id, 'value', $id))::jsonb,
	jsonb_build_object($id, $id)), ('other', '2001-01-06', 'Voice', 'other', NULL, NULL);
SQL
	is($node->safe_psql($db, "SELECT usage_mgmt.get_usage($id) ->> 'href'"), $href, "$encoding: an href is UTF-8");
	is($node->safe_psql($db, "SELECT usage_mgmt.to_tmf(u) ->> 'href' FROM usage_mgmt.usage u WHERE id <> 'other'"), $href,
		'also of a row');

	my $name = encoded($utf8);
	my $twice = $href =~ s/%/%25/gr;
	foreach my $query ("'id=$name'", "'description=$name'", "'usageCharacteristic.$name=$name'", "'extra.$name=$name'",
		"'href=$twice'", "'id=' || $id || '&description=$name'", "'description=' || $id", "'extra.' || $id || '=' || $id",
		"'description.regex=^$name'", "'href=' || (usage_mgmt.get_usage($id) ->> 'href')", "'href=/usageManagement/usage/' || $id")
	{
		is($node->safe_psql($db, "SELECT usage_mgmt.get_usages($query) ->> 'href'"), $href, "found by $query");
	}
	is($node->safe_psql($db, "SELECT usage_mgmt.count_usages('href.ne=$twice'), usage_mgmt.count_usages('id.ne=$name')"),
		'1|1', 'and nothing else');
	is($node->safe_psql($db, "SELECT usage_mgmt.get_usages('after=$name&sort=date') ->> 'id'"), 'other', 'the page behind it');
	is($node->safe_psql($db, "SELECT usage_mgmt.put_usage($id, json_build_object('href', '$href', 'date', '2001-01-05', 'type', 'Data')) ->> 'type'"),
		'Data', 'its own address is no change of it');
	is(sqlstate($node, $db, "SELECT usage_mgmt.count_usages('description=%E9')"), '22023', 'what is not UTF-8 is refused');
	is(sqlstate($node, $db, "SELECT usage_mgmt.count_usages('description=%00')"), '22023', 'and so is no character at all');
	is(sqlstate($node, $db, "SELECT usage_mgmt.count_usages('description=%F0%9F%98%80')"),
		$encoding eq 'UTF8' ? '00000' : '22P05', 'a character that the database cannot hold');
	names_specification($db, $id, $name);
}

# A specification is the one whose href names it, in a usage and where another extends it.
sub names_specification
{
	my ($db, $id, $name) = @_;
	my $insert = 'INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, usage_specification_href, usage_characteristic) VALUES (gen_random_uuid(), now()';

	$node->safe_psql($db, <<"SQL");
UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
INSERT INTO usage_mgmt.usage_specification (id, usage_spec_characteristic) VALUES ($id, '[{"name": "a"}]');
INSERT INTO usage_mgmt.usage_specification (id, entity_spec_relationship) VALUES ('child',
	'[{"relationshipType": "extends", "href": "/usageManagement/usageSpecification/$name"}]');
SQL
	foreach my $href ($name, 'child')
	{
		is(sqlstate($node, $db, qq[$insert, 'T', '/$href', '{"a": 1}')]), '00000', "$href knows what it has");
		is(sqlstate($node, $db, qq[$insert, 'T', '/$href', '{"b": 1}')]), '23514', 'and nothing else');
	}
	is(sqlstate($node, $db, qq[$insert, 'T', '/$_', '{"b": 1}')]), '00000', "$_ names none") foreach '%F0%9F%98%80', '%00', '%';
}

# Where the database knows no encoding, bytes are what they are.
$node->safe_psql('postgres', "CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('bytes', 'CREATE EXTENSION usage_mgmt');
$node->safe_psql('bytes', q{INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	VALUES (E'\xc3\xa9', '2001-01-05', 'Voice'), (E'\xe9', '2001-01-06', 'Voice')});
is($node->safe_psql('bytes', q{SELECT string_agg(usage_mgmt.to_tmf(u) ->> 'href', ' ' ORDER BY usage_date) FROM usage_mgmt.usage u}),
	'/usageManagement/usage/%C3%A9 /usageManagement/usage/%E9', 'SQL_ASCII: the bytes of an id');
is($node->safe_psql('bytes', q{SELECT usage_mgmt.count_usages('id=%E9'), usage_mgmt.count_usages('id=%C3%A9'), usage_mgmt.count_usages('href=/usageManagement/usage/%25E9')}),
	'1|1|1', 'find it again');
names_specification('bytes', "E'\\xe9'", '%E9');
is(sqlstate($node, 'bytes', q{SELECT usage_mgmt.count_usages('id=%00')}), '22023', 'but for a zero byte');

done_testing();
