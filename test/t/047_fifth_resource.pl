# A resource that usage_mgmt has never heard of: test/modules/parcel declares it, one call
# of SQL makes its tables and functions, and the chapters hold for it like for the others.

use strict;
use warnings;
use Chapters;
use FindBin;
use IPC::Run;
use Resources;
use Store;
use Cwd 'abs_path';
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";

plan skip_all => 'resources cannot be registered' unless -e "$top/src/resource.h";

my $parcel = describe({
	noun => 'parcel', plural => 'parcels', label => 'parcel', versions => [ 'r14.5', 'v4' ],
	path => { 'r14.5' => '/post/parcel/', v4 => '/tmf-api/post/v4/parcel/' },
	date => 'posted_at', first => 'posted', life => 'parcel_status', closed => 'delivered',
	attributes => [
		[{ 'r14.5' => 'number', v4 => 'trackingNumber' }, 'text', '"P 1"', '"P 2"', column => 'number', mandatory => 1],
		[{ 'r14.5' => 'posted', v4 => 'postedAt' }, 'time', '"2001-01-15T12:00:00Z"', '"2001-02-15T12:00:00.123456Z"', column => 'posted_at', mandatory => 1, dates => 1],
		['description', 'text', '"first"', '"second"', column => 'description'],
		['link', 'text', '"http://host/a"', '"http://host/b"'],
		['weight', 'number', '1.50', '20'],
		['isFragile', 'bool', 'false', 'true'],
		[{ 'r14.5' => 'status', v4 => 'state' }, 'status', '"posted"', '"on the way"', column => 'status'],
		['sender', 'object', '{"id":"1","href":"/party/1","name":"one"}', '{"id":"2","href":"/party/2","name":"two"}', ask => ['sender.name', 'one', 'two']],
		['window', 'object', '{"opens":"2001-01-20T08:00:00Z"}', '{"opens":"2001-02-20T08:00:00Z","closes":"2001-02-20T12:00:00Z"}', ask => ['window.opens', '2001-01-20T08:00', '2001-02-20T08:00']],
		['contents', 'characteristics', '[{"name":"books","value":3,"unit":"kg"}]', '[{"name":"books","value":12.5}]', ask => ['contents.books', 3, 12.5], inner => ['[0].name', '[0].value']],
		['relatedParty', 'list', '[{"role":"customer","id":"1"}]', '[{"role":"owner","id":"2","name":"n","more":[1]}]', ask => ['relatedParty.id', 1, 2],
			inner => [{ 'r14.5' => '[0].role' }], loaded_inner => [{ v4 => '[0].role' }]],
		[{ 'r14.5' => 'stop', v4 => 'stops' }, 'tree',
			(map { my $of = $_; +{ map { $_ => "[{\"place\":\"$of->[0]\",\"" . ($_ eq 'v4' ? 'time' : 'at') . "\":\"2001-01-16T00:00:00Z\",\"shelf\":$of->[1],\"isSealed\":true,\"dog\":\"none\"}]" } 'r14.5', 'v4' } }
				['Berlin', 7], ['Paris', 8.5]),
			ask => [{ 'r14.5' => 'stop.shelf', v4 => 'stops.shelf' }, 7, 8.5], inner => ['[0].place']],
		['sticker', 'branch', (map { my $n = $_; +{ 'r14.5' => "{\"format\":\"A$n\",\"size\":$n}", v4 => "{\"format\":\"A$n\",\"sheetSize\":$n}" } } 4, 5), ask => ['sticker.format', 'A4', 'A5']],
		['customs', 'json', '{"kind":"gift","value":1}', '{"kind":"wares","value":2}', ask => ['customs.value', 1, 2]],
		['priority', 'extra', '1', '2', ask => ['extra.priority', 1, 2]] ] });

# Built where nothing else is
my $node = new_node('parcels');
my $build = abs_path(PostgreSQL::Test::Utils::tempdir());
{
	my ($out, $err) = ('', '');

	foreach my $file ('Makefile', 'parcel.c')
	{
		append_to_file("$build/$file", slurp_file("$top/test/modules/parcel/$file"));
	}
	local %ENV = %ENV;
	delete @ENV{ grep { /^(?:MAKE|MFLAGS|CFLAGS|COPT)/ } keys %ENV };
	ok(IPC::Run::run([ 'make', '-s', '-C', $build, 'PG_CONFIG=' . program($node, 'pg_config'), 'SRC=' . abs_path("$top/src") ], '>', \$out, '2>', \$err), 'the module is built')
		or BAIL_OUT("$out$err");
}
$node->append_conf('postgresql.conf', "session_preload_libraries = '$build/parcel'\n");
$node->reload;

# CREATE EXTENSION makes what is its own, whatever has been registered.
$node->safe_psql('postgres', 'CREATE DATABASE parcels');
is(sqlstate($node, 'parcels', 'CREATE EXTENSION usage_mgmt'), '00000', 'CREATE EXTENSION where the module is loaded');
is(sqlstate($node, 'parcels', q{SELECT usage_mgmt.install_resource('letter')}), '22023', 'one that nobody has registered');
$node->safe_psql('parcels', <<'SQL');
CREATE TYPE usage_mgmt.parcel_status AS ENUM ('posted', 'on the way', 'lost', 'delivered');
SELECT usage_mgmt.install_resource('parcel');
SQL
prepare($node, 'parcels');
all_chapters($node, 'parcels', $parcel);
side_by_side($node, 'parcels', $parcel, grep { $_->{noun} =~ /^usage/ } resources());

my $lost = q{UPDATE usage_mgmt.parcel SET status = 'lost', description = %s WHERE id = 'm'};
$node->safe_psql('parcels', q{INSERT INTO usage_mgmt.parcel (id, posted_at, number) VALUES ('m', '2001-01-15Z', 'n')});
is(sqlstate($node, 'parcels', sprintf($lost, 'description')), '23502', 'what a status asks for is asked for of what stays as it is');
is(sqlstate($node, 'parcels', sprintf($lost, q{'in the river'})), '00000', 'and is there');
is($node->safe_psql('parcels', <<'SQL'), join("\n", 'v4 create ParcelCreateEvent', 'v4 status ParcelStateChangeEvent'), 'its events are those it names');
SELECT concat_ws(' ', version, kind, name) FROM usage_mgmt.event_types('parcel')
SQL
is($node->safe_psql('parcels', <<'SQL'), 'ParcelStateChangeEvent {"parcel":{"id":"m","href":"/tmf-api/post/v4/parcel/m","state":"lost"}}', 'and are sent');
SELECT concat_ws(' ', e ->> 'eventType', e -> 'event') FROM usage_mgmt.parcel p, usage_mgmt.event_of(p, 'update', 'posted', '{description}', 'parcel.state=lost&fields=state', 'v4') e
WHERE id = 'm'
SQL
is($node->safe_psql('parcels', <<'SQL'), join("\n", 'Post|{/parcel,"/parcel/{id}",/hub,"/hub/{id}"}', 'string|#/components/schemas/Sender|{trackingNumber,postedAt}'), 'its API says what there is');
SELECT d #>> '{info,title}', (SELECT array_agg(key) FROM json_each(d -> 'paths')) FROM usage_mgmt.openapi('/tmf-api/post/v4/') d;
SELECT p #>> '{trackingNumber,type}', p #>> '{sender,$ref}', (SELECT array_agg(value) FROM json_array_elements_text(d #> '{components,schemas,Parcel_Create,required}'))
FROM usage_mgmt.openapi('/tmf-api/post/v4/') d, json_extract_path(d, 'components', 'schemas', 'Parcel', 'properties') p
SQL
is(sqlstate($node, 'parcels', "SELECT usage_mgmt.event_of(p, 'create', version => 'r14.5') FROM usage_mgmt.parcel p WHERE id = 'm'"), '22023', 'a version has none');
is($node->safe_psql('parcels', 'SELECT usage_mgmt.install_tables()'), '', 'install_tables() finds it');
is($node->safe_psql('parcels', <<'SQL'), 't|t', 'its enum and its open index');
SELECT to_regclass('usage_mgmt.parcel_open_idx') IS NOT NULL, to_regclass('usage_mgmt.parcel_party') IS NOT NULL;
SQL
# Where the module is not loaded, nothing is taken for another resource.
{
	local $ENV{PGOPTIONS} = '-c session_preload_libraries=';

	is(sqlstate($node, 'parcels', "SELECT usage_mgmt.get_parcel('x')"), '42883', 'without the module there are no parcels');
	is(sqlstate($node, 'parcels', "INSERT INTO usage_mgmt.parcel (id, posted_at, number) VALUES ('x', now(), 'n')"), '42883', 'and none is stored unchecked');
}
is($node->safe_psql('parcels', q{SELECT count(*) FROM usage_mgmt.post_usage('{"id": "u", "date": "2001-01-01", "type": "t"}')}), '1', 'usages are what they were');

done_testing();
