# What remote.h does, by a program of the tests (test/remote), a verb at a time.

package Remote;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils;

our @EXPORT = qw(remote remote_begun remote_ended remote_program);

my $program;

sub remote_program
{
	return $program //= do {
		my $top = "$FindBin::Bin/../..";
		my $built = PostgreSQL::Test::Utils::tempdir() . '/remote';
		my @sources = map { "$top/src/usagectl/$_.c" }
			qw(address buffer config exchange hash listing local place put safety stream text trouble);
		chomp(my $include = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --includedir`);

		system('cc', '-std=gnu99', '-g', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-DUSAGECTL_VERSION="test"', "-I$top/src/usagectl", "-I$include",
			'-o', $built, "$top/test/remote/remote.c", @sources, '-lcurl', '-lcrypto') == 0
			or die 'no compiler';
		$built;
	};
}

# Runs it: exit status, standard output, standard error.
sub remote
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ remote_program(), @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	chomp $err;
	return ($? & 127 ? -($? & 127) : $? >> 8, $out, $err);
}

# The same, begun: it comes no further than a pipe takes, until it is ended.
sub remote_begun
{
	my (@arguments) = @_;
	my %run = (err => PostgreSQL::Test::Utils::tempdir() . '/err');
	my $program = remote_program();

	pipe $run{out}, my $in or die "could not make a pipe: $!";
	$run{pid} = fork // die "could not fork: $!";
	if (!$run{pid})
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $in;
		open STDERR, '>', $run{err};
		exec $program, @arguments or POSIX::_exit(127);
	}
	close $in;
	return \%run;
}

sub remote_ended
{
	my ($run) = @_;
	my $out = '';

	1 while sysread $run->{out}, $out, 1 << 20, length $out;
	waitpid $run->{pid}, 0;
	return ($? & 127 ? -($? & 127) : $? >> 8, $out, slurp_file($run->{err}) =~ s/\n\z//r);
}

1;
