# docs/programs.md: every program of it runs and prints what stands below it, and those of which it says so also behind pgbouncer. What
# a language lacks here is skipped.

use strict;
use warnings;
use FindBin;
use IPC::Run ();
use Page;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;

my $node = new_node('programs');
my $folder = PostgreSQL::Test::Utils::tempdir();

# JDBC knows no sockets of the file system
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$node->restart;
new_store($node, $_) foreach 'usages', 'pooled';

sub runs { return eval { IPC::Run::run([@_], '<', \'', '>', \my $out, '2>', \my $err) } }

# ---- who runs which language ----

my $jar = '/usr/share/java/postgresql.jar';
my $modules = "$folder/modules";
my @require = ('-e', q{require('pg'); require('pg-copy-streams')});

# what Debian does not have comes from npm, as test/web/package-lock.json pins it
sub node_with_modules
{
	return 0 if !runs('node', '--version');
	return 1 if runs('node', @require);
	mkdir $modules;
	append_to_file("$modules/$_", slurp_file("$FindBin::Bin/../web/$_")) foreach 'package.json', 'package-lock.json';
	$ENV{NODE_PATH} = "$modules/node_modules";
	return runs('npm', 'ci', '--prefix', $modules, '--cache', "$modules/cache", '--no-audit', '--no-fund', '--ignore-scripts') && runs('node', @require);
}

my ($python) = grep { runs($_, '-c', 'import psycopg') } 'python3', '/usr/bin/python3';
my %program = (
	python => [ 'psycopg', 'program.py', $python ? $python : () ],
	js => [ 'node, pg and pg-copy-streams', 'program.js', node_with_modules() ? 'node' : () ],
	java => [ 'a JDK and its driver', 'Program.java', runs('javac', '--version') && -e $jar ? ('java', '-cp', $jar) : () ]);

# ---- the page, in a database behind a port ----

sub run_programs
{
	my ($database, $host, $port, @languages) = @_;

	local %ENV = (%ENV, PGHOST => $host, PGPORT => $port, PGDATABASE => $database, PGUSER => 'postgres', PGTZ => 'UTC',
		JDBC_URL => "jdbc:postgresql://127.0.0.1:$port/$database?user=postgres");
	return run_page($node, $database, 'programs.md', with => { map { $_ => program_of($_) } keys %program });
}

sub program_of
{
	my ($language) = @_;
	my ($needs, $file, @command) = @{ $program{$language} };

	return sub {
		my ($text, $said) = @_;

	  SKIP:
		{
			skip "without $needs", 1 if !@command;
			# these listen, which no connection of the pool does for its client
			return undef if $ENV{PGDATABASE} eq 'pooled' && $text =~ /LISTEN/;
			unlink "$folder/$file";
			append_to_file("$folder/$file", $text);
			return "status $?: $$said" if !IPC::Run::run([ @command, "$folder/$file" ], '<', \'', '>', $said, '2>&1', IPC::Run::timeout(120));
			return '';
		}
		return undef;
	};
}

my ($run) = run_programs('usages', $node->host, $node->port);
cmp_ok($run, '>=', 3 * grep({ @$_ > 2 } values %program), 'three programs of each language that is there');

# ---- behind pgbouncer ----

SKIP:
{
	my $pgbouncer = '/usr/sbin/pgbouncer';
	skip 'without pgbouncer', 1 if !-x $pgbouncer;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $host = $node->host;

	append_to_file("$folder/pgbouncer.ini", <<"INI");
[databases]
pooled = host=$host port=@{[ $node->port ]} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir = $host
auth_type = any
pool_mode = transaction
default_pool_size = 1
ignore_startup_parameters = extra_float_digits
INI
	my $pool = IPC::Run::start([ $pgbouncer, "$folder/pgbouncer.ini" ], '<', \'', '>', "$folder/pgbouncer.out", '2>&1');
	my @ask = (program($node, 'psql'), '-XAt', '-h', $host, '-p', $port, '-U', 'postgres', '-d', 'pooled');

	foreach (1 .. 100)
	{
		last if runs(@ask, '-c', 'SELECT');
		select undef, undef, undef, 0.1;
	}
	run_programs('pooled', $host, $port);
	runs(@ask, '-c', q{SET usage_mgmt.tmf_version = 'v4'});
	IPC::Run::run([ @ask, '-c', 'SHOW usage_mgmt.tmf_version' ], '>', \my $version);
	is($version, "v4\n", 'what one has set the next one has');
	$pool->signal('INT');
	$pool->finish;
}

done_testing();
