# Running usagectl against a node, and what the store holds afterwards.

package Usagectl;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run ();
use Store;

our @EXPORT = qw(usagectl usagectl_started ended blocked freed broken write_file record store_digest books);

# Runs it: exit status, standard output, standard error.
sub usagectl
{
	my ($node, $database, $command, @arguments) = @_;
	my ($out, $err) = ('', '');
	my $input = ref $arguments[-1] ? ${ pop @arguments } : '';

	local %ENV = environment($node, $database);
	IPC::Run::run([ program($node, 'usagectl'), $command, @arguments ], \$input, \$out, \$err);
	return ($? & 127 ? -($? & 127) : $? >> 8, $out, $err);
}

# Starts it and gives its process id; the output is of no interest.
sub usagectl_started
{
	my ($node, $database, $command, @arguments) = @_;
	my $program = program($node, 'usagectl');
	my %environment = environment($node, $database);
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid;
	%ENV = %environment;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', '/dev/null';
	open STDERR, '>', '/dev/null' unless $ENV{USAGECTL_LOUD};
	exec { $program } $program, $command, @arguments or POSIX::_exit(127);
}

# Waits for it and gives its exit status, or minus the signal that ended it.
sub ended
{
	my ($pid) = @_;

	waitpid($pid, 0);
	return $? & 127 ? -($? & 127) : $? >> 8;
}

# Holds what that statement locks, until it is freed.
sub blocked
{
	my ($node, $database, $sql) = @_;
	my %blocker = (in => "BEGIN; $sql; SELECT 'held';\n", out => '');

	$blocker{run} = IPC::Run::start([ program($node, 'psql'), '-Xqat', '-d', $node->connstr($database) ], '<', \$blocker{in}, '>', \$blocker{out});
	$blocker{run}->pump until $blocker{out} =~ /held/;
	return \%blocker;
}

sub freed
{
	my ($blocker) = @_;

	$blocker->{in} .= "ROLLBACK;\n\\q\n";
	return $blocker->{run}->finish;
}

# Starts it, has that done to it when it waits for a lock, and gives what usagectl() gives, as soon as its session is over.
sub broken
{
	my ($node, $database, $break, @command) = @_;
	my ($out, $err) = ('', '');
	my %before = %ENV;

	local %ENV = environment($node, $database);
	my $run = IPC::Run::start([ program($node, 'usagectl'), @command ], '<', \undef, '>', \$out, '2>', \$err);
	%ENV = %before;
	my $session = q{SELECT count(*) = %d FROM pg_stat_activity WHERE application_name = 'usagectl' AND (wait_event_type = 'Lock' OR %1$d = 0)};
	$node->poll_query_until($database, sprintf $session, 1) or die 'it never waits';
	$break->($run);
	$run->finish;
	my $ended = $run->full_result;
	$node->poll_query_until($database, sprintf $session, 0) or die 'its session is never over';
	return ($ended & 127 ? -($ended & 127) : $ended >> 8, $out, $err);
}

sub environment
{
	my ($node, $database) = @_;

	return (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $database, PGAPPNAME => 'usagectl');
}

sub write_file
{
	my ($name, $content) = @_;

	open my $file, '>:raw', $name or die "could not write $name: $!";
	print $file $content;
	close $file or die "could not write $name: $!";
	return $name;
}

# A small record.
sub record
{
	my ($id, %more) = @_;

	$more{day} //= '2026-02-03';
	$more{description} //= "d $id";
	return qq({"id":"$id","date":"$more{day}T04:05:06Z","type":"voice","description":"$more{description}"});
}

# All that a load leaves, but for the times, the ids of loads and of their rows.
sub store_digest
{
	my ($node, $database) = @_;
	my @columns = rows($node, $database, q{SELECT quote_ident(attname) FROM pg_attribute
		WHERE attrelid = 'usage_mgmt.usage'::regclass AND attnum > 0 AND NOT attisdropped
		AND attname NOT IN ('received_at', 'changed_at', 'load_id') ORDER BY attnum});
	my $digest = 'count(*), md5(string_agg(r::text, E\'\n\' ORDER BY r::text COLLATE "C"))';
	my $row = join ', ', @columns;

	return join "\n", map { $node->safe_psql($database, "SELECT $digest FROM ($_) r") }
		"SELECT $row FROM usage_mgmt.usage",
		'SELECT id, usage_date, content_hash, hash_version FROM usage_mgmt.usage_key',
		'SELECT record_number, document, document_raw, document_length, errors FROM usage_mgmt.import_reject',
		'SELECT record_number, usage_id, document, document_length, stored::text FROM usage_mgmt.usage_conflict';
}

# read|stored|repeated|conflicting|rejected of the newest load, its rows counted as well.
sub books
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{
		SELECT read, stored, repeated, conflicting, rejected,
			CASE WHEN stored <> (SELECT count(*) FROM usage_mgmt.usage u WHERE u.load_id = l.id)
			THEN 'stored differs' END,
			CASE WHEN conflicting <> (SELECT count(*) FROM usage_mgmt.usage_conflict c WHERE c.load_id = l.id)
			THEN 'conflicting differs' END,
			CASE WHEN rejected <> (SELECT count(*) FROM usage_mgmt.import_reject r WHERE r.load_id = l.id)
			THEN 'rejected differs' END
		FROM usage_mgmt.import_load l ORDER BY id DESC LIMIT 1}) =~ s/\|+$//r;
}

1;
