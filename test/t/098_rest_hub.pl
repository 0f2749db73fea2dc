# A listener that was registered over HTTP: the agent delivers events of all resources of its API, signed with
# the secret that the answer told, and of jobs those of its role's own; a dump and its restore keep it one.

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use Gateway;
use IPC::Run ();
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Receiver;
use Store;
use Test::More;

my $agent;
my $receiver;
END
{
	my $status = $?;

	$agent->kill_kill if $agent;
	receiver_stop($receiver) if $receiver;
	$? = $status;
}

my $node = new_node('rest_hub');
# What a careful administrator would see
$node->append_conf('postgresql.conf', <<'CONF');
log_statement = all
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
shared_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
CONF
$node->restart;
new_store($node, 'store');
$node->safe_psql('store', <<'SQL');
CREATE ROLE courier LOGIN;
CREATE ROLE partner;
SELECT usage_mgmt.grant_access('courier', 'agent'), usage_mgmt.grant_access('partner', 'reader');
SQL

# Status and body, as the partner
sub http
{
	my ($database, $method, $uri, $body) = @_;

	return (ask($node, $database, method => $method, uri => $uri, body => $body, token => 1, role => 'partner'))[ 0, 1 ];
}

sub changes
{
	my ($id) = @_;

	$node->safe_psql('store', <<"SQL");
SELECT usage_mgmt.post_usage('{"id": "$id", "date": "2026-02-03", "type": "voice"}');
SELECT usage_mgmt.post_usage_specification('{"id": "$id", "name": "voice"}');
SQL
	ok($node->poll_query_until('store', 'SELECT coalesce(bool_and(lag_events = 0 AND parked = 0), true) FROM usage_mgmt.hub_status'), "all of $id is delivered");
	return;
}

sub agent
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'store', PGUSER => 'courier');
	$agent = IPC::Run::start([ program($node, 'usagectl'), 'agent', '--name=one', '--allow-private' ], '>&', \my $out);
	return;
}

sub leaves
{
	$agent->signal('TERM');
	$agent->finish;
	is($agent->full_result(0), 0, 'the agent leaves');
	undef $agent;
	return;
}

# What came at a path, by type and id
sub came
{
	my ($path) = @_;

	return join ' ', sort map { my $event = decode_json($_->{body}); my ($of) = values %{ $event->{event} }; "$event->{eventType} $of->{id}" }
		grep { $_->{path} eq $path } received($receiver);
}

sub signature
{
	my ($secret, $request) = @_;

	return 'v1,' . encode_base64(hmac_sha256(join('.', @{ $request->{headers} }{qw(webhook-id webhook-timestamp)}, $request->{body}),
		decode_base64($secret =~ s/^whsec_//r)), '');
}

# ---- delivered ----

$receiver = receiver(sub { return 204 });
my $url = $receiver->{url} =~ s{/hub$}{}r;
my ($status, $listener) = http('store', 'POST', '/usageManagement/hub', qq({"callback": "$url/both"}));
is($status, 201, 'a listener is registered');
my $secret = delete $listener->{secret};
is_deeply($listener, { id => 1, callback => "$url/both", href => '/usageManagement/hub/1' }, 'it is as the standard has it');
is((http('store', 'POST', '/tmf-api/usageManagement/v4/hub', qq({"callback": "$url/one", "query": "usage.usageType=voice&fields=usage.id"})))[0], 201, 'and another one');
agent();
changes('first');
is(came('/both'), 'UsageCreateNotification first UsageSpecificationCreateNotification first', 'events of both resources come');
is(came('/one'), 'UsageCreateEvent first', 'to who asks for those of one, these');
my @both = grep { $_->{path} eq '/both' } received($receiver);
is_deeply([ map { $_->{headers}{'webhook-signature'} } @both ], [ map { signature($secret, $_) } @both ], 'signed with the secret that the answer told');

my $renewed = $node->safe_psql('store', "SELECT usage_mgmt.listener_secret('2', renew => true)");
# what the agent knows of it is learnt anew with its next claim
leaves();
agent();
changes('second');
@both = grep { $_->{path} eq '/both' && $_->{body} =~ /second/ } received($receiver);
is_deeply([ map { $_->{headers}{'webhook-signature'} } @both ], [ map { my $r = $_; join ' ', map { signature($_, $r) } $renewed, $secret } @both ],
	'a new secret of one signs the events of both');
is(scalar(@both), 2, 'which are two');

my $log = slurp_file($node->logfile);
ok($log =~ /INSERT INTO usage_mgmt\.hub_secret/, 'the log tells of our statements');
is(scalar(grep { index($log, $_) >= 0 } $secret, $renewed), 0, 'and no secret');

# ---- jobs: as the seeds have them, when they have ended, to whose they are ----

# Ordered and done in one transaction, so that the agent has no part in it
sub job
{
	my ($noun, $role, $id) = @_;

	$node->safe_psql('store', <<"SQL");
BEGIN;
SET LOCAL ROLE $role;
SELECT usage_mgmt.post_$noun('{"id": "$id", "status": "running", "path": "usageManagement/", "content-type": "application/json",
	"errorLog": "", "url": "ftp://ftp.myUsage.com/usageManagement/$id.json"}');
RESET ROLE;
SELECT FROM usage_mgmt.job_claim('nobody', '1 hour', NULL, 3);
SELECT usage_mgmt.job_end('nobody', '$noun', '$id', 1, 'succeeded', '', '{"bytes": 17}');
COMMIT;
SQL
	return;
}

$node->safe_psql('store', q{CREATE ROLE another; SELECT usage_mgmt.grant_access('another', 'writer'), usage_mgmt.grant_access('partner', 'loader')});
my (undef, $of_jobs) = http('store', 'POST', '/tmf-api/usageManagement/v4/hub', qq({"callback": "$url/jobs", "query": "eventType=ImportJobCreateEvent,ImportJobStateChangeEvent,ImportJobDeleteEvent"}));
foreach my $noun ('export_job', 'import_job')
{
	job($noun, 'another', 53);
	job($noun, 'partner', 54);
}
$node->safe_psql('store', q{SET ROLE partner; SELECT usage_mgmt.delete_import_job('54')});
changes('behind');
is(came('/jobs'), join(' ', map { "ImportJob$_ 54" } qw(CreateEvent DeleteEvent StateChangeEvent StateChangeEvent)), 'v4 tells of all that happens to one');
is((http('store', 'DELETE', "/tmf-api/usageManagement/v4/hub/$of_jobs->{id}"))[0], 204, 'as long as somebody listens');
my $own = { id => '54', 'content-type' => 'application/json', status => 'succeeded', path => 'usageManagement/', errorLog => '', byteCount => 17, attempts => 1,
	url => 'ftp://ftp.myUsage.com/usageManagement/54.json', orderedBy => 'partner' };
my %own = (exportJob => { recordCount => 0, tmfVersion => 'r14.5' }, importJob => { position => 0, map { $_ => 0 } qw(readCount storedCount repeatedCount conflictingCount rejectedCount) });
my @jobs = map { decode_json($_->{body}) } grep { $_->{path} eq '/both' && $_->{body} =~ /Job/ } received($receiver);
foreach my $event (sort { $a->{eventType} cmp $b->{eventType} } @jobs)
{
	my ($name) = keys %{ $event->{event} };
	my $job = $event->{event}{$name};

	like(delete $event->{$_}, qr/./, "$name: $_") foreach 'eventId', 'eventTime';
	like(delete $job->{$_}, qr/^\d{4}-.*Z$/, "$name: $_") foreach 'creationDate', 'completionDate';
	is_deeply($event, { eventType => ucfirst $name . 'CompletionNotification', event => { $name => { %$own, %{ $own{$name} }, href => "/usageManagement/$name/54" } } },
		"$name: the notification of its end");
}
is(scalar(@jobs), 2, 'which are two, of one\'s own jobs, and nothing of what was before their end');

# ---- dumped and restored ----

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my ($out, $err);
IPC::Run::run([ program($node, 'pg_dump'), '-Fc', '-f', $dump, '-d', $node->connstr('store') ], '>', \$out, '2>', \$err) or die $err;
$node->safe_psql('postgres', 'CREATE DATABASE restored');
IPC::Run::run([ program($node, 'pg_restore'), '-1', '-d', $node->connstr('restored'), $dump ], '>', \$out, '2>', \$err) or die $err;
is_deeply([ http('restored', 'GET', '/usageManagement/hub') ], [ 200, [$listener] ], 'restored, it is one');
is($node->safe_psql('restored', "SELECT string_agg(resource, ' ' ORDER BY id) FROM usage_mgmt.hub_listener WHERE '1' IN (id, hub)"),
	'usage usage_specification import_job export_job', 'of all resources of its API');
is((http('restored', 'POST', '/usageManagement/hub', qq({"callback": "$url/both"})))[0], 409, 'there still');
is($node->safe_psql('restored', "SELECT usage_mgmt.listener_secret('1', renew => true) = usage_mgmt.listener_secret('2')"), 't', 'a new secret is both\'s');
is($node->safe_psql('restored', "SELECT bool_and(usage_mgmt.resume_listener(id)) FROM usage_mgmt.hub_listener WHERE '1' IN (id, hub)"), 't', 'they are resumed');
is((http('restored', 'DELETE', '/usageManagement/hub/1'))[0], 204, 'it is ended');
is($node->safe_psql('restored', 'SELECT count(*) FROM usage_mgmt.hub_listener'), 1, 'and nothing of it is left');

# ---- ended ----

is((http('store', 'DELETE', '/usageManagement/hub/1'))[0], 204, 'ended here, too');
changes('third');
is(came('/both'), join(' ', 'ExportJobCompletionNotification 54', 'ImportJobCompletionNotification 54',
		(map { "UsageCreateNotification $_" } qw(behind first second)), map { "UsageSpecificationCreateNotification $_" } qw(behind first second)),
	'nothing more comes');
is(came('/one'), join(' ', map { "UsageCreateEvent $_" } qw(behind first second third)), 'to the other it does');
leaves();

done_testing();
