# Orders, the agents that carry them out, and what becomes of them.

package Jobs;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use POSIX ();
use Store;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(jobs_store agent_begins agent_leaves agent_killed agent_ended agent_said order job until_job ended_as records_file);

my %running;

# Whom a test leaves behind would keep it from ending.
END
{
	my $status = $?;

	kill 'KILL', keys %running;
	$? = $status;
}

# A store with roles: courier is what an agent is, mediation loads, partner reads.
sub jobs_store
{
	my ($node, $database) = @_;

	new_store($node, $database);
	$node->safe_psql($database, q{
		CREATE ROLE courier LOGIN; CREATE ROLE mediation LOGIN; CREATE ROLE partner LOGIN;
		SELECT usage_mgmt.grant_access('courier', 'agent'), usage_mgmt.grant_access('mediation', 'loader'),
			usage_mgmt.grant_access('partner', 'reader');
		GRANT mediation, partner TO courier});
	return;
}

# Starts one, in a group of its own; what it says is added to a file. Its name, user and database may be told.
sub agent_begins
{
	my ($node, $database, %with) = @_;
	my $name = $with{name} // 'a1';
	my $log = PostgreSQL::Test::Utils::tempdir() . "/$name.log";
	my $program = program($node, 'usagectl');
	my $pid = fork // die "could not fork: $!";

	if (!$pid)
	{
		POSIX::setpgid(0, 0);
		%ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $database, PGUSER => $with{user} // 'courier');
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		exec { $program } $program, 'agent', "--name=$name", ($with{config} ? "--config=$with{config}" : ()), '--delays=' .
			($with{delays} // join(',', ('0.1s') x 30)), '--lease=' . ($with{lease} // 6), @{ $with{options} // [] }
			or POSIX::_exit(127);
	}
	$running{-$pid} = 1;
	return { pid => $pid, log => $log, name => $name };
}

# In order: its exit status, or minus the signal.
sub agent_leaves
{
	my ($agent) = @_;

	kill 'TERM', $agent->{pid};
	return agent_ended($agent);
}

# With all its processes, or that one alone.
sub agent_killed
{
	my ($agent, $alone) = @_;

	kill 'KILL', $alone ? $agent->{pid} : -$agent->{pid};
	return agent_ended($agent);
}

sub agent_ended
{
	my ($agent) = @_;

	waitpid $agent->{pid}, 0;
	my $status = $? & 127 ? -($? & 127) : $? >> 8;
	# its children may be on their way out
	for (1 .. 500)
	{
		last if !kill 0, -$agent->{pid};
		sleep 0.01;
	}
	kill 'KILL', -$agent->{pid};
	delete $running{-$agent->{pid}};
	return $status;
}

sub agent_said
{
	my ($agent) = @_;

	return -f $agent->{log} ? slurp_file($agent->{log}) : '';
}

# Orders as that role: the id, which may be among the columns.
sub order
{
	my ($node, $database, $role, $resource, %columns) = @_;
	my $id = delete $columns{id};
	my @names = sort keys %columns;
	my $values = join ', ', defined $id ? "'$id'" : 'gen_random_uuid()', map { defined $columns{$_} ? "'" . $columns{$_} =~ s/'/''/gr . "'" : 'NULL' } @names;

	return $node->safe_psql($database, "INSERT INTO usage_mgmt.$resource (" . join(', ', 'id', @names) . ") VALUES ($values) RETURNING id",
		extra_params => [ '-U', $role ]);
}

# A column or more of it, as text between bars.
sub job
{
	my ($node, $database, $resource, $id, $columns) = @_;

	return $node->safe_psql($database, "SELECT $columns FROM usage_mgmt.$resource WHERE id = '$id'");
}

# Waits until that holds of it.
sub until_job
{
	my ($node, $database, $resource, $id, $condition, $seconds) = @_;
	my $until = time + ($seconds // 60);

	while (time < $until)
	{
		my $is = eval { $node->safe_psql($database, "SELECT $condition FROM usage_mgmt.$resource WHERE id = '$id'") };

		return 1 if defined $is && $is eq 't';
		sleep 0.05;
	}
	diag("job $id is not: $condition: " . job($node, $database, $resource, $id,
		"concat_ws(' ', status, attempts, failures, agent, leased_until, next_at, error_log)"));
	return 0;
}

# Waits for its end: status, and whatever else is asked for.
sub ended_as
{
	my ($node, $database, $resource, $id, $columns, $seconds) = @_;

	until_job($node, $database, $resource, $id, q{status IN ('succeeded', 'failed')}, $seconds);
	return job($node, $database, $resource, $id, 'status' . ($columns ? ", $columns" : ''));
}

# So many small records, their ids with a prefix; the file's name.
sub records_file
{
	my ($name, $count, $prefix) = @_;

	my ($mode, $target) = $name =~ /\.gz$/ ? ('|-', "gzip -1 > $name") : ('>:raw', $name);

	open my $file, $mode, $target or die "$name: $!";
	printf $file qq({"id":"%s%06d","date":"2026-%02d-%02dT04:05:06Z","type":"voice","description":"d"}\n), $prefix, $_,
		1 + $_ % 3, 1 + $_ % 28 for 1 .. $count;
	close $file or die "$name: $!";
	return $name;
}

1;
