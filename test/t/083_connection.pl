# usagectl connects as psql does, and asks for a password where psql would; an agent keeps it.

use strict;
use warnings;
use IO::Select;
use IPC::Run ();
use Jobs;
use PostgreSQL::Test::Utils;
use POSIX ();
use Servers;
use Store;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my $node = new_node('connection');
my $db = 'store';
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $password = 'pass-of-nobody-else';
my %started;

END
{
	my $status = $?;

	kill 'KILL', -$_ foreach keys %started;
	$? = $status;
}

jobs_store($node, $db);
$node->safe_psql('postgres', qq{CREATE ROLE asked LOGIN PASSWORD '$password'; CREATE ROLE one LOGIN; CREATE ROLE two LOGIN;
	ALTER ROLE courier PASSWORD '$password'; CREATE DATABASE other});
$node->safe_psql($db, q{SELECT usage_mgmt.grant_access('asked', 'operator')});
$node->safe_psql('other', 'CREATE EXTENSION usage_mgmt');
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all asked,courier scram-sha-256\nlocal all all trust\n");
$node->append_conf('postgresql.conf', "log_statement = all\nlog_connections = on\n");
$node->restart;

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = $db;
$ENV{PGPASSFILE} = "$folder/pgpass";
$ENV{PGSERVICEFILE} = write_file("$folder/services", '[two]' . "\nhost=" . $node->host . "\nport=" . $node->port . "\nuser=two\ndbname=other\n");
delete $ENV{PGAPPNAME};

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

# ---- as psql ----

# Whom it is and where, a role without rights is told.
sub where_usagectl_is
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ program($node, 'usagectl'), 'jobs', @_ ], \'', \$out, \$err);
	return $err =~ /^usagectl: role "(.*)" has no right to see the jobs of database "(.*)": .*\n\z/ ? "$1 $2" : "$out$err";
}

sub where_psql_is
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ program($node, 'psql'), '-X', '-A', '-t', '-c', q{SELECT current_user || ' ' || current_database()}, @_ ], \'', \$out, \$err);
	return $out =~ s/\n//r || $err;
}

my ($host, $port) = ($node->host, $node->port);
my $uri = 'postgresql:///other?user=two&host=' . $host =~ s{/}{%2F}gr . "&port=$port";

foreach my $case (
	[ 'one store', 'options', '-U', 'one' ],
	[ 'one other', 'long options', '--username=one', '--dbname=other', "--host=$host", "--port=$port" ],
	[ 'two other', 'a connection string', '-d', "user=two dbname=other host=$host port=$port" ],
	[ 'two other', 'a URI', '-d', $uri ],
	[ 'two other', 'a service', '-d', 'service=two' ],
	[ 'two other', 'a role beside a connection string', '-U', 'one', '-d', 'user=two dbname=other' ],
	[ 'two other', 'the same the other way round', '-d', 'user=two dbname=other', '-U', 'one' ],
	[ 'one other', 'a role that the connection string does not name', '-d', 'dbname=other', '-U', 'one' ],
	[ 'two other', 'a host and a port beside a URI', '-h', '/nowhere', '-p', '1', '-d', $uri ],
	[ 'one other', 'a role beside a service', '-U', 'one', '-d', 'service=two' ],
	[ 'one store', 'no name', '-d', '', '-U', 'one' ],
	[ 'one other', 'options=', '-d', 'dbname=other user=two options=-crole=one' ],
)
{
	my ($where, $what, @arguments) = @$case;

	$node->safe_psql('postgres', 'GRANT one TO two') if $what eq 'options=';
	is(where_usagectl_is(@arguments), $where, $what);
	is(where_psql_is(@arguments), $where, 'as in psql');
}
{
	local %ENV = (%ENV, PGUSER => 'two', PGDATABASE => 'other');
	is(where_usagectl_is(), 'two other', 'variables');
	is(where_usagectl_is('-U', 'one'), 'one other', 'and an option beside them');
}
{
	local %ENV = (%ENV, PGSERVICE => 'two');
	delete @ENV{qw(PGDATABASE PGHOST PGPORT)};
	is(where_usagectl_is(), 'two other', 'a service by its variable');
}

# Whatever the encoding of a terminal may be, a file's is UTF-8.
my ($status, $out, $err) = usagectl($node, $db, 'import', '-d', "dbname=$db client_encoding=LATIN1",
	write_file("$folder/umlaut.nd", record('umlaut', description => "\xC3\xA9") . "\n"));
is($status, 0, 'a connection string with another encoding');
is(sql(q{SELECT length(description) FROM usage_mgmt.usage WHERE id = 'umlaut'}), 1, 'is no encoding of the file');

# ---- passwords that nobody types ----

my @as_asked = ('jobs', '--once', '-U', 'asked');

sub without_terminal
{
	my ($input, @arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'setsid', '--wait', program($node, 'usagectl'), @arguments ], \$input, \$out, \$err, IPC::Run::timeout(180));
	return ($? >> 8, $out, $err);
}

my $refused = qr/^usagectl: connection to server on socket "\S+" failed: fe_sendauth: no password supplied\n\z/;

($status, $out, $err) = without_terminal('', @as_asked);
is("$status $out", '2 ', 'no password and no terminal');
like($err, $refused, 'is said');
($status, $out, $err) = without_terminal("$password\n", 'import', '-U', 'asked', '-');
like($err, $refused, 'and standard input is not read for it');
foreach my $name ('PGPASSWORD', 'a connection string', 'a password file')
{
	my @in_string = $name eq 'a connection string' ? ('-d', "password=$password") : ();

	local %ENV = (%ENV, $name eq 'PGPASSWORD' ? (PGPASSWORD => $password) : ());
	chmod 0600, write_file("$folder/pgpass", "*:*:*:asked:$password\n") if $name eq 'a password file';
	($status, $out, $err) = without_terminal('', @as_asked, @in_string);
	is("$status $err", '0 ', "a password of $name");
	($status, $out, $err) = without_terminal('', @as_asked, @in_string, '-w');
	is("$status $err", '0 ', 'with -w, too');
}
write_file("$folder/pgpass", "*:*:*:asked:wrong\n");
($status, $out, $err) = without_terminal('', @as_asked);
is($err, "usagectl: connection to server on socket \"$host/.s.PGSQL.$port\" failed: FATAL:  password authentication failed for user \"asked\"; "
	. "password retrieved from file \"$folder/pgpass\"\n", 'that of a file is wrong, in one line');
unlink "$folder/pgpass";

# ---- passwords that somebody types ----

# Starts it on a terminal of its own, which is neither its input nor its output.
sub terminal_begins
{
	my ($input, @arguments) = @_;
	my $program = program($node, 'usagectl');
	my $terminal = IO::Pty->new;
	my $pid;

	write_file("$folder/in", $input);
	$pid = fork // die "could not fork: $!";
	if (!$pid)
	{
		$terminal->make_slave_controlling_terminal;
		close $terminal;
		open STDIN, '<', "$folder/in";
		open STDOUT, '>', "$folder/out";
		open STDERR, '>', "$folder/err";
		exec { $program } $program, @arguments or POSIX::_exit(127);
	}
	$started{$pid} = 1;
	return { pid => $pid, terminal => $terminal, screen => '' };
}

# Until that is on its screen, or it has ended.
sub terminal_shows
{
	my ($at, $what) = @_;
	my $select = IO::Select->new($at->{terminal});
	my $until = time + 180;

	while ($at->{screen} !~ $what && time < $until)
	{
		my $over = $at->{status} // (waitpid($at->{pid}, POSIX::WNOHANG) == $at->{pid} ? $? : undef);

		$at->{status} = $over;
		if ($select->can_read(defined $over ? 0 : 0.1))
		{
			sysread $at->{terminal}, $at->{screen}, 1000, length $at->{screen};
		}
		elsif (defined $over)
		{
			last;
		}
	}
	return $at->{screen} =~ $what;
}

sub terminal_types
{
	my ($at, $text) = @_;

	syswrite $at->{terminal}, "$text\n";
	return;
}

# Exit status, what was on the screen, standard output and error.
sub terminal_ends
{
	my ($at) = @_;

	terminal_shows($at, qr/(?!)/);
	delete $started{ $at->{pid} } if defined $at->{status};
	return (defined $at->{status} ? $at->{status} >> 8 : 'none', $at->{screen} =~ s/\r//gr, slurp_file("$folder/out"), slurp_file("$folder/err"));
}

sub typed
{
	my ($text, $input, @arguments) = @_;
	my $at = terminal_begins($input, @arguments);

	terminal_types($at, $text) if terminal_shows($at, qr/assword.*: /);
	return terminal_ends($at);
}

# Only where the terminal has echo off is what is typed not to be seen.
SKIP:
{
	my $screen;

	skip 'IO::Pty is missing', 1 if !eval { require IO::Pty; 1 };
	($status, $screen, $out, $err) = typed($password, '', @as_asked);
	is("$status $screen $err", "0 Password for user asked: \n ", 'a password is asked for on the terminal, and not seen');
	like($out, qr/^job /, 'and is right');
	($status, $screen, $out, $err) = typed($password, '', 'jobs', '--once', '-d', "user=asked dbname=$db host=$host");
	is("$status $screen$err", "0 Password for user asked: \n", 'with a connection string, too');
	($status, $screen, $out, $err) = typed($password, record('piped') . "\n", 'import', '-U', 'asked', '--no-partitions', '-');
	is("$status $screen$err", "0 Password for user asked: \n", 'also where records come by standard input');
	is(sql(q{SELECT id FROM usage_mgmt.usage WHERE id = 'piped'}), 'piped', 'and these are stored');
	($status, $screen, $out, $err) = typed('wrong', '', @as_asked);
	is("$status $screen$out$err", "2 Password for user asked: \n"
		. "usagectl: connection to server on socket \"$host/.s.PGSQL.$port\" failed: FATAL:  password authentication failed for user \"asked\"\n",
		'a wrong one is asked for once');
	($status, $screen, $out, $err) = typed($password, '', @as_asked, '-w');
	is("$status $screen$out", '2 ', 'with -w nobody is asked');
	like($err, $refused, 'which is said');
	($status, $screen, $out, $err) = typed('anything', '', 'jobs', '--once', '-W');
	is("$status $screen$err", "0 Password: \n", 'with -W somebody is asked before the server does');
	($status, $screen, $out, $err) = typed($password, '', @as_asked, '-W');
	is("$status $screen$err", "0 Password: \n", 'and not again');
	($status, $screen, $out, $err) = typed('', '', @as_asked, '-W');
	is("$status $screen", "2 Password: \n", 'nor where nothing was typed');
	like($err, $refused, 'which is no password');
	($status, $screen, $out, $err) = typed('anything', '', 'jobs', '--once');
	is("$status $screen$err", '0 ', 'nobody is asked where the server does not');
	breaks_off();
	agent_keeps_it();
}

# Who breaks off at the question is shown again what he types.
sub breaks_off
{
	my $at = terminal_begins('', @as_asked);
	my $slave = $at->{terminal}->slave;
	my $mode = POSIX::Termios->new;

	ok(terminal_shows($at, qr/assword.*: /), 'a question');
	$mode->getattr(fileno $slave);
	is($mode->getlflag & POSIX::ECHO, 0, 'whose answer is not shown');
	syswrite $at->{terminal}, "\cC";
	terminal_ends($at);
	is($at->{status}, POSIX::SIGINT, 'is broken off');
	$mode->getattr(fileno $slave);
	is($mode->getlflag & POSIX::ECHO, POSIX::ECHO, 'and what is typed is shown again');
	return;
}

# Its worker, each job and what comes after a break connect anew.
sub agent_keeps_it
{
	my $config = servers_config("[directory $folder]\n");
	my $at;

	write_file("$folder/job.nd", record('job') . "\n");
	$at = terminal_begins('', 'agent', '-U', 'courier', '--name=typed', "--config=$config", '--delays=1s,1s,1s,1s,1s,1s,1s,1s', '--lease=6');
	ok(terminal_shows($at, qr/Password for user courier: /), 'an agent asks for a password');
	terminal_types($at, $password);
	is(ended_as($node, $db, 'import_job', order($node, $db, 'mediation', 'import_job', url => "file://$folder/job.nd"), 'stored_count'),
		'succeeded|1', 'and does jobs with it');
	is(sql(q{SELECT string_agg(DISTINCT application_name, ' ') FROM pg_stat_activity WHERE usename = 'courier'}), 'usagectl', 'as usagectl');
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'courier'});
	is(ended_as($node, $db, 'import_job', order($node, $db, 'mediation', 'import_job', url => "file://$folder/job.nd"), 'repeated_count'),
		'succeeded|1', 'also on connections behind a break');
	is(join('', grep { /\Q$password\E/ } map { (-r $_ ? slurp_file($_) : '') } glob "/proc/*/cmdline"), '', 'it is in no command line');
	kill 'TERM', $at->{pid};
	my ($status, $screen, $out, $err) = terminal_ends($at);
	is($status, 0, 'the agent leaves');
	is($screen, "Password for user courier: \n", 'it has asked once');
	unlike($out . $err, qr/\Q$password\E/, 'it is in nothing that the agent says');
	unlike(slurp_file($node->logfile) =~ s/^.*(?:CREATE|ALTER) ROLE.*\n(?:\t.*\n)*//mgr, qr/\Q$password\E/, 'nor in the log of the server');
	return;
}

done_testing();
