# Clusters with the extension, and what the tests ask of them.

package Store;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(init_node new_node new_store sqlstate rows program newer_bindirs can_follow);

# Who runs the tests in the background has these ignored; to the programs they mean what they mean to anybody.
$SIG{$_} = 'DEFAULT' foreach grep { ($SIG{$_} // '') eq 'IGNORE' } 'INT', 'HUP';

# A running cluster, of another version where a folder of programs is given.
sub new_node
{
	my ($name, $bindir) = @_;
	my $install_path = $bindir;
	my $node;

	$install_path =~ s{/bin/?$}{} if defined $bindir;
	$node = PostgreSQL::Test::Cluster->new($name,
		defined $bindir ? (install_path => $install_path) : ());
	init_node($node);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\nmax_wal_size = '4GB'\n");
	$node->start;
	return $node;
}

# The same cluster whoever runs the tests, in whatever language.
sub init_node
{
	my ($node, %options) = @_;

	$node->init(extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8' ], %options);
	$ENV{PGUSER} = 'postgres';
	return;
}

sub new_store
{
	my ($node, $database, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION usage_mgmt'
		. (defined $version ? " VERSION '$version'" : ''));
	return;
}

# How a statement ends: its SQLSTATE.
sub sqlstate
{
	my ($node, $database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY sqlstate\n$sql");

	return '00000' if $status == 0;
	return $err =~ /ERROR:\s+(\w{5})\b/ ? $1 : $err;
}

# The lines that a query gives.
sub rows
{
	my ($node, $database, $sql) = @_;

	return split /\n/, $node->safe_psql($database, $sql);
}

# The path of a program of that node's version.
sub program
{
	my ($node, $name) = @_;

	return $node->config_data('--bindir') . "/$name";
}

# Where script/test-versions has versions newer than the one under test, oldest first.
sub newer_bindirs
{
	my ($node) = @_;
	my $own = $node->config_data('--bindir');
	my @bindirs = split /:/, $ENV{USAGE_MGMT_PG_BINDIRS} // '';

	shift @bindirs while @bindirs && $bindirs[0] ne $own;
	shift @bindirs;
	return @bindirs;
}

# A release of an older version may be newer than one of a newer version and write what
# that does not know yet: then PostgreSQL cannot restore such a dump, with or without us.
sub can_follow
{
	my ($from, $to) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . '/plain.sql';
	my ($out, $err);

	$from->safe_psql('postgres', 'DROP DATABASE IF EXISTS plain');
	$from->safe_psql('postgres', 'CREATE DATABASE plain');
	$from->safe_psql('plain', 'CREATE TYPE pair AS (a int); CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b pair');
	$to->safe_psql('postgres', 'CREATE DATABASE plain');
	IPC::Run::run([ program($to, 'pg_dump'), '-f', $path, '-d', $from->connstr('plain') ], '>', \$out, '2>', \$err)
		or die $err;
	IPC::Run::run([ program($to, 'psql'), '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $path,
		'-d', $to->connstr('plain') ], '>', \$out, '2>', \$err);
	$to->safe_psql('postgres', 'DROP DATABASE plain');
	return $err eq '';
}

1;
