# docs/hub.md: every command of it works, in the order of the page; its table of events is that
# of the model; its listeners in Python and Node know a signature that openssl made.

use strict;
use warnings;
use FindBin;
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use MIME::Base64 ();
use Page;
use Store;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('hub');
my $folder = PostgreSQL::Test::Utils::tempdir();
my ($round, %listener);

new_store($node, 'usages');
run_page($node, 'usages', 'hub.md',
	folder => $folder,
	with => { map { my $language = $_; $language => sub { $listener{$language} = $_[0]; return undef } } qw(python js) },
	after => sub {
		my ($section, $commands) = @_;

		$round = $commands if $commands =~ /BEGIN;\nINSERT INTO fact/;
		is($node->safe_psql('usages', 'SELECT count(*), count(DISTINCT event_id), min(usage) FROM settled'), '2|2|call', "$section: what was not confirmed")
			if $commands =~ /CALL settle/;
		return 1;
	});

# ---- exactly once, whatever is cut off ----

$node->safe_psql('usages', 'SELECT usage_mgmt.resume_listener(id) FROM usage_mgmt.hub_listener');
my ($work) = $round =~ /\A(.*COMMIT;\n)/s;
is(complaint($node, 'usages', $folder, 'sql', $_), '', 'a round') foreach $work, $round, $work, $work, $round;
is($node->safe_psql('warehouse', <<'SQL'), '50|50', 'each once, with and without the confirmation');
SELECT count(*), count(DISTINCT usage) FROM fact WHERE usage LIKE 'event %'
SQL
is(complaint($node, 'usages', $folder, 'sql', 'CALL settle(\'1\'); CALL settle(\'1\')'), '', 'settled again');
is($node->safe_psql('usages', 'SELECT count(*) - count(DISTINCT event_id) FROM settled'), '2', 'what was replayed came again, else each once');

# ---- the types of events ----

my %model;
foreach my $resource (slurp_file("$FindBin::Bin/../../src/model.c") =~ /(\.noun = "\w+".*?)(?=\.noun = |\z)/gs)
{
	$model{$_} = 1 foreach $resource =~ /_EVENT\] = "(\w+)"/g;
}
# what a macro is of several resources
my ($jobs) = slurp_file("$FindBin::Bin/../../src/model.c") =~ /^#define JOB_EVENTS\(name\)((?:.*\\\n)*)/m;
foreach my $name (slurp_file("$FindBin::Bin/../../src/model.c") =~ /^\tJOB_EVENTS\("(\w+)"\)/mg)
{
	$model{"$name$_"} = 1 foreach $jobs =~ /_EVENT\] = name "(\w+)"/g;
}
my %said;
foreach my $row (slurp_file("$FindBin::Bin/../../docs/hub.md") =~ /^(\| .*)$/mg)
{
	$said{$_} = 1 foreach $row =~ /\b(\w+(?:Notification|Event))\b/g;
}
is_deeply([ sort keys %said ], [ sort keys %model ], 'the types of events are those of the model');

# ---- listeners ----

my $secret = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my %program = (python => [ 'python3', 'listener.py' ], js => [ 'node', 'listener.js' ]);

# What openssl makes of it
sub signature
{
	my ($text, $key) = @_;
	my $hex = unpack 'H*', MIME::Base64::decode_base64($key);
	my ($out, $err);

	IPC::Run::run([ 'openssl', 'dgst', '-sha256', '-mac', 'HMAC', '-macopt', "hexkey:$hex", '-binary' ], '<', \$text, '>', \$out, '2>', \$err)
		or die $err;
	return 'v1,' . MIME::Base64::encode_base64($out, '');
}

sub has { my ($program) = @_; return IPC::Run::run([ $program, '--version' ], '>', \my $out, '2>', \my $err) }

foreach my $language (sort keys %program)
{
	my ($program, $file) = @{ $program{$language} };

  SKIP:
	{
		skip "without $program or openssl", 1 if !eval { has($program) } || !eval { IPC::Run::run([ 'openssl', 'version' ], '>', \my $out) };
		my $port = PostgreSQL::Test::Cluster::get_free_port();
		my $body = '{"eventId":"5-1-7-c","event":{"usage":{"id":"caf' . "\xc3\xa9" . '"}}}';
		my $now = time;
		my $good = signature("5-1-7-c.$now.$body", $secret);
		my $old = $now - 3600;
		my $post = sub {
			my ($content, %headers) = @_;

			return HTTP::Tiny->new(timeout => 10)->post("http://127.0.0.1:$port/", { content => $content,
				headers => { 'content-type' => 'application/json', %headers } })->{status};
		};
		local %ENV = (%ENV, SECRET => "whsec_$secret", PORT => $port);

		append_to_file("$folder/$file", $listener{$language});
		my $run = IPC::Run::start([ $program, "$folder/$file" ], '<', \'', '>', "$folder/$file.out", '2>', "$folder/$file.err");
		my %signed = ('webhook-id' => '5-1-7-c', 'webhook-timestamp' => $now, 'webhook-signature' => $good);

		# as long as it is not there yet
		foreach (1 .. 100)
		{
			last if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
			select undef, undef, undef, 0.1;
		}
		is($post->($body, %signed), 204, "$language: a signed event is taken");
		is($post->($body, %signed, 'webhook-signature' => signature('x', $secret) . " $good"), 204, "$language: by one of two signatures");
		is($post->("$body ", %signed), 401, "$language: another body is refused");
		is($post->($body, %signed, 'webhook-id' => 'other'), 401, "$language: another id");
		is($post->($body, %signed, 'webhook-signature' => signature("5-1-7-c.$now.$body", 'c2VjcmV0')), 401, "$language: another secret");
		is($post->($body, %signed, 'webhook-timestamp' => $old, 'webhook-signature' => signature("5-1-7-c.$old.$body", $secret)), 401, "$language: an old one");
		is($post->($body), 401, "$language: none");
		$run->kill_kill;
		is(slurp_file("$folder/$file.out"), "5-1-7-c $body\n" x 2, "$language: it prints what it took");
	}
}

done_testing();
