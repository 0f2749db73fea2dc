# usagectl's answer to mistakes: one line that names what is wrong, and on the command line where help is.

use strict;
use warnings;
use IO::Socket::INET;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils;
use Socket ();
use Store;
use Test::More;
use Usagectl;

my $node = new_node('mistakes');
my $db = 'store';
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $socket = 'connection to server on socket "' . $node->host . '/.s.PGSQL.' . $node->port . '" failed';
my $commands = 'import, export, agent, jobs, listeners or listen';
my $old_server;

END
{
	my $status = $?;

	kill 'KILL', $old_server if $old_server;
	$? = $status;
}

new_store($node, $db);
$node->safe_psql('postgres', 'CREATE DATABASE bare; CREATE DATABASE "he said ""no"""; CREATE ROLE nobody LOGIN; CREATE ROLE "it\'s me" LOGIN;
	CREATE ROLE asked LOGIN PASSWORD \'right\'');
new_store($node, 'older');
$node->safe_psql('older', q{UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'usage_mgmt'});
new_store($node, 'unreleased');
$node->safe_psql('unreleased', 'ALTER EXTENSION usage_mgmt DROP FUNCTION usage_mgmt.load_faults; DROP FUNCTION usage_mgmt.load_faults');
$node->safe_psql('postgres', 'CREATE DATABASE without');
$node->safe_psql('without', 'SET usage_mgmt.install_tables = off; CREATE EXTENSION usage_mgmt');
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all asked scram-sha-256\nlocal all all trust\n");
$node->reload;

# Of a program without a command, too.
sub said
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $db, PGPASSFILE => "$folder/no.pgpass");
	delete $ENV{PGAPPNAME};
	IPC::Run::run([ 'setsid', '--wait', program($node, 'usagectl'), @arguments ], \'', \$out, \$err, IPC::Run::timeout(180));
	return ($? >> 8, $out, $err);
}

# The line, with the one that says where help is.
sub mistake
{
	my ($line, @arguments) = @_;
	my $command = @arguments && $arguments[0] =~ /^(?:import|export|agent|jobs|listeners|listen)$/ ? "usagectl $arguments[0]" : 'usagectl';

	return refused("$line\nTry \"$command --help\" for more information.", @arguments);
}

# The line alone.
sub refused
{
	my ($line, @arguments) = @_;
	my ($status, $out, $err) = said(@arguments);

	is("$status $out$err", "2 usagectl: $line\n", "usagectl @arguments" =~ s/\Q$folder\E/FOLDER/gr);
	return;
}

my $file = write_file("$folder/calls.nd", record('c1') . "\n");
my $csv = write_file("$folder/calls.csv", "id,date\n");

# ---- commands ----

mistake("there is no command: it comes first, and is $commands");
mistake(qq{"imprt" is no command: it comes first, and is $commands}, 'imprt', $file);
mistake(qq{"-d" is no command: it comes first, and is $commands}, '-d', $db, 'import', $file);
mistake('import needs a file: FILE, URL or - for standard input', 'import');
mistake(qq{export takes one file, and "b" is another}, 'export', 'a', 'b');
mistake(qq{agent takes no arguments, and "a" is one}, 'agent', 'a', 'b');
mistake(qq{jobs takes no arguments, and "a" is one}, 'jobs', 'a');

# ---- options ----

mistake('import has no option "--foo"', 'import', '--foo=1', $file);
mistake('import has no option "-x"', 'import', '-x', $file);
mistake('"--declared" may be --declared-amount or --declared-count', 'import', '--declared=1', $file);
mistake('"--p" may be --pause-all or --port or --password', 'agent', '--p');
mistake('--batch needs a value: --batch=N', 'import', $file, '--batch');
mistake('--query needs a value: --query=QUERY', 'export', '-q');
mistake('--json takes no value', 'jobs', '--json=yes');
mistake('--tmf is an option of export, not of import', 'import', '--tmf=v4', $file);
mistake('--query is an option of export, not of import', 'import', '-q', 'status=rated', $file);
mistake('--batch is an option of import and agent, not of export', 'export', '--batch=5');
mistake('--host is an option of import, export, agent, jobs and listeners, not of listen', 'listen', '-h', 'localhost');
mistake('--secret is an option of listen, not of agent', 'agent', '--secret=whsec_c2VjcmV0');
mistake('--batch is given twice', 'import', '--batch=5', '--batch=6', $file);
mistake('--dbname is given twice', 'import', '-d', 'a', '--dbname=b', $file);
mistake('--password and --no-password exclude each other', 'import', '-wW', $file);

# ---- values ----

mistake(qq{--batch: "$_" is not a number from 1 to 200000}, 'import', "--batch=$_", $file) foreach '0', '200001', '99999999999999999999', '5x', '-1', '';
mistake('--jobs: "65" is not a number from 0 to 64', 'agent', '--jobs=65');
mistake('--lease: "2" is not a number from 3 to 3600', 'agent', '--lease=2');
mistake('--delays: "5" is not a list of delays with s, m, h or d, as 5s,30s,2m', 'agent', '--delays=5');
mistake('--name: "" is not a name', 'agent', '--name=');
mistake('--format: "xml" is not ndjson, json or csv', 'import', '--format=xml', $file);
mistake(qq{--port: "$_" is not a number from 1 to 65535}, 'import', '-p', $_, $file) foreach 'abc', '0', '65536', '5432,x';
mistake('--port: "65536" is not a number from 0 to 65535', 'listen', '--port=65536');
mistake('--answer: "99" is not a number from 200 to 599', 'listen', '--answer=99');
mistake('--secret: that is not whsec_ and base64', 'listen', '--secret=of no use');
mistake('--declared-count: "-1" is not a number of records', 'import', '--declared-count=-1', $file);
mistake('--declared-amount: "EUR" is not a currency and an amount, as EUR=12.00', 'import', '--declared-amount=EUR', $file);
mistake('--declared-amount: EUR is declared twice', 'import', '--declared-amount=EUR=1', '--declared-amount=EUR=2', $file);
mistake('what is declared is of one file, and there are 2', 'import', '--declared-count=1', $file, $file);

# ---- files that options name ----

my $no_json = write_file("$folder/no.json", '{');
my $mapping = write_file("$folder/mapping.json", '{"id": "id"}');
my $config = write_file("$folder/agent.conf", "[network]\ntimeuot = 5\n");
refused(qq{--mapping: could not read a mapping from "$folder/none": No such file or directory}, 'import', "--mapping=$folder/none", $csv);
refused(qq{--mapping: could not read a mapping from "$folder": Is a directory}, 'import', "--mapping=$folder", $csv);
refused(qq{--mapping: could not read a mapping from "$folder/empty": it is empty}, 'import', '--mapping=' . write_file("$folder/empty", ''), $csv);
refused("$csv: the mapping: invalid input syntax for type json", 'import', "--mapping=$no_json", $csv);
mistake(qq{--mapping is for CSV, and "$file" is not read as CSV: --format=csv has it so}, 'import', "--mapping=$mapping", $csv, $file);
mistake(qq{--mapping is for CSV, and "$csv" is not read as CSV: --format=csv has it so}, 'import', "--mapping=$mapping", '--format=json', $csv);
mistake(qq{--mapping is for CSV, and "-" is not read as CSV: --format=csv has it so}, 'import', "--mapping=$mapping", '-');
mistake('--mapping is for CSV, and "https://h/a.nd?b=a.csv" is not read as CSV: --format=csv has it so', 'import', "--mapping=$mapping", 'https://h/a.nd?b=a.csv');
foreach my $command ([ 'import', $file ], ['export'], ['agent'])
{
	my ($name, @arguments) = @$command;

	refused(qq{--config: configuration file "$folder/none": No such file or directory}, $name, "--config=$folder/none", @arguments);
	refused(qq{--config: configuration file "$config", line 2: timeuot is no key that is known here}, $name, "--config=$config", @arguments);
}

refused('database "bare" has no usage_mgmt: CREATE EXTENSION usage_mgmt', 'agent', "--config=$folder/none", $_, '-d', 'bare')
	foreach '--jobs=0', '--pause-all';
refused('database "bare" has no usage_mgmt: CREATE EXTENSION usage_mgmt', 'agent', "--config=$folder/none", '--jobs=4', '--jobs=0', '-d', 'bare');

# ---- files ----

my $unreadable = write_file("$folder/unreadable.nd", '');
chmod 0, $unreadable;
refused("$folder/none.nd: No such file or directory", 'import', "$folder/none.nd");
refused("$folder: Is a directory", 'import', $folder);
SKIP:
{
	skip 'root reads anything', 1 if $> == 0;
	refused("$unreadable: Permission denied", 'import', $unreadable);
}
refused(qq{could not write "$folder/none/out.nd": No such file or directory}, 'export', "$folder/none/out.nd");

# ---- connections ----

refused('could not translate host name "no.such.host.invalid" to address: ' . resolver(), 'jobs', '-h', 'no.such.host.invalid');
refused(qq{connection to server on socket "$folder/.s.PGSQL.} . $node->port
	. '" failed: No such file or directory. Is the server running locally and accepting connections on that socket?', 'jobs', '-h', $folder);
refused(qq{$socket: FATAL:  database "nowhere" does not exist}, 'jobs', '-d', 'nowhere');
refused(qq{$socket: FATAL:  role "stranger" does not exist}, 'jobs', '-U', 'stranger');
refused("$socket: fe_sendauth: no password supplied", 'jobs', '-U', 'asked');
refused(qq{$socket: FATAL:  password authentication failed for user "asked"}, 'jobs', '-U', 'asked', '-d', 'password=wrong');
refused('--password: there is no terminal to ask for it', 'jobs', '-W');
refused('invalid connection option "user_name"', 'jobs', '-d', 'user_name=me');
refused('definition of service "none" not found', 'jobs', '-d', 'service=none');

# What the system says of it, which without a network is another thing.
sub resolver
{
	my ($error) = Socket::getaddrinfo('no.such.host.invalid', $node->port);

	return "$error";
}

# ---- databases ----

refused('database "bare" has no usage_mgmt: CREATE EXTENSION usage_mgmt', $_->[0], '-d', 'bare', @$_[ 1 .. $#$_ ])
	foreach [ 'import', $file ], ['export'], ['agent'], [ 'agent', '--pause-all' ], ['jobs'], ['listeners'];
refused('database "he said "no"" has no usage_mgmt: CREATE EXTENSION usage_mgmt', 'jobs', '-d', 'he said "no"');
refused('database "without" has usage_mgmt without its tables: SELECT usage_mgmt.install_tables()', $_->[0], '-d', 'without', @$_[ 1 .. $#$_ ])
	foreach [ 'import', $file ], ['export'], ['agent'], ['jobs'], ['listeners'];
refused('database "older" has usage_mgmt 0.1, and usagectl needs 0.2 or later: ALTER EXTENSION usage_mgmt UPDATE', 'import', '-d', 'older', $file);
refused('database "unreleased" has usage_mgmt ' . $node->safe_psql('unreleased', q{SELECT extversion FROM pg_extension WHERE extname = 'usage_mgmt'})
	. ' of before its release, without load_faults(): dump it, restore it into another one, and SELECT usage_mgmt.install_tables() there',
	$_->[0], '-d', 'unreleased', @$_[ 1 .. $#$_ ])
	foreach [ 'import', $file ], ['export'], ['agent'], ['jobs'], ['listeners'];

$old_server = old_server(\my $old_port);
refused('the server is PostgreSQL 14.9, and usage_mgmt needs 15 or later', 'jobs', '-h', '127.0.0.1', '-p', $old_port);

# What usagectl hears of a server of 14, as long as it asks nothing of it.
sub old_server
{
	my ($port) = @_;
	my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "could not listen: $!";
	my $pid = fork // die "could not fork: $!";

	$$port = $listener->sockport;
	return $pid if $pid;
	while (my $client = $listener->accept)
	{
		my ($begun, $head, $body) = (0);

		while (read($client, $head, $begun ? 5 : 4) == ($begun ? 5 : 4))
		{
			read($client, $body, unpack('N', substr($head, -4)) - 4);
			my $other = !$begun && unpack('N', $body) != 3 << 16;

			print $client $other ? 'N' : $begun ? message('C', "SET\0") : message('R', pack('N', 0)) . message('S', "server_version\00014.9\0");
			print $client message('Z', 'I') if !$other;
			$client->flush;
			$begun ||= !$other;
		}
	}
	POSIX::_exit(0);
}

sub message
{
	my ($kind, $body) = @_;

	return $kind . pack('N', 4 + length $body) . $body;
}

# ---- rights ----

sub lacks
{
	my ($role, $act, $level, $command, @arguments) = @_;
	my $literal = $role =~ s/'/''/gr;

	refused(qq{role "$role" has no right to $act database "$db": SELECT usage_mgmt.grant_access('$literal', '$level')}, $command, '-U', $role, @arguments);
	return;
}

my @needs = ([ 'import into', 'loader', 'import', '--no-partitions', $file ], [ 'export from', 'reader', 'export', "$folder/out.nd" ],
	[ 'export from', 'reader', 'export', '--resource=usage_specification', "$folder/out.nd" ],
	[ 'be an agent of', 'agent', 'agent', '--pause-all' ], [ 'see the jobs of', 'reader', 'jobs' ],
	[ 'see the listeners of', 'reader', 'listeners' ]);
lacks('nobody', @$_) foreach @needs;
lacks("it's me", 'see the jobs of', 'reader', 'jobs');
is(-e "$folder/out.nd", undef, 'and no file is written');
# that right is all that was missing
foreach my $need (@needs)
{
	my (undef, $level, $command, @arguments) = @$need;
	my ($status, $out, $err);

	$node->safe_psql($db, qq{CREATE ROLE one_$level LOGIN; SELECT usage_mgmt.grant_access('one_$level', '$level')})
		if !$node->safe_psql($db, "SELECT count(*) FROM pg_roles WHERE rolname = 'one_$level'");
	($status, $out, $err) = said($command, '-U', "one_$level", @arguments);
	is("$status $err", '0 ', "$command as $level");
}
# other levels have what theirs does
lacks('one_reader', 'import into', 'loader', 'import', $file);
lacks('one_loader', 'export from', 'reader', 'export');
lacks('one_reader', 'be an agent of', 'agent', 'agent');

# ---- help ----

my ($status, $out, $err) = said('--help');
my %options = map { $_ => 1 } $out =~ /(--[a-z]+)/g;

is("$status $err", '0 ', '--help');
like($out, qr/^  usagectl \Q$_\E \[OPTION\]/m, "names $_") foreach split /, | or /, $commands;
is((said('-?'))[1], $out, 'and so -?');
foreach my $command (split /, | or /, $commands)
{
	($status, $out, $err) = said($command, '--help');
	is("$status $err", '0 ', "$command --help");
	like($out, qr/^  usagectl \Q$command\E \[OPTION\]/m, 'says how it is called');
	is((said($command, '-?', '--foo'))[1], $out, 'and so -?');
	is(join("\n", grep { length > 80 } split /\n/, $out), '', 'in lines of a terminal');
	$options{$1} = 1 while $out =~ /^ {2}(?:-.,|   ) (--[a-z-]+)/mg;
}
my %manual = map { $_ => 1 } (slurp_file('docs/usagectl.1') =~ s/\\-/-/gr) =~ /^\.BR?[^\n]*?(?<!-)(--[a-z-]+)/mg;
is(join(' ', sort keys %options), join(' ', sort keys %manual), 'the manual has the same options');

done_testing();
