# REST where the database does not answer: behind a lock, when it ends a connection, when it
# is down. That is 503 in TM Forum's words, and over when it is over.

use strict;
use warnings;
use DBI;
use JSON::PP ();
use Scenario;
use Store;
use Test::More;
use Time::HiRes 'sleep';

my $node = new_node('rest_busy');

# [status, code, Retry-After] of an answer, in which nothing else is to be told from others.
sub told
{
	my ($answer) = @_;
	my %header = map { lc $_->[0] => $_->[1] } @{ $answer->{headers} };
	my $body = JSON::PP->new->utf8->decode($answer->{body});

	return [ $answer->{status}, $body->{code}, $body->{'@type'}, $header{'retry-after'} ];
}

foreach my $way (grep { $_ ne 'sql' } ways())
{
	my ($ask, $stop) = open_store($node, $way);
	my $get = { method => 'GET', uri => '/usageManagement/usage/none', headers => [] };
	my $connect = sub { return DBI->connect('dbi:Pg:dbname=rest;host=' . $node->host . ';port=' . $node->port, undef, undef, { RaiseError => 1, PrintError => 0 }) };
	my $found = [ 404, 'P0002', 'Error', undef ];
	my $super = $connect->();

	is_deeply(told($ask->($get)), $found, "$way: it answers");
	$super->begin_work;
	$super->do('LOCK TABLE usage_mgmt.usage');
	is_deeply(told($ask->($get)), [ 503, '57014', 'Error', 5 ], "$way: behind a lock, when the time of the role is over");
	$super->rollback;
	is_deeply(told($ask->($get)), $found, "$way: behind it");

	$super->do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'usage_authenticator'");
	$super->disconnect;
	my $again;
	foreach (1 .. 100)
	{
		last if ($again = told($ask->($get)))->[0] == 404;
		$again = undef if $again->[0] != 503 || $again->[2] ne 'Error' || $again->[3] != 5;
		sleep 0.2;
	}
	is_deeply($again, $found, "$way: connections that end are made anew");

	$node->stop('fast');
	is_deeply(told($ask->($get)), [ 503, '503', 'Error', 5 ], "$way: without a database");
	is_deeply(told($ask->({ %$get, method => 'DELETE' })), [ 503, '503', 'Error', 5 ], "$way: to write, too");
	$node->start;
	foreach (1 .. 300)
	{
		last if ($again = told($ask->($get)))->[0] == 404;
		sleep 0.2;
	}
	is_deeply($again, $found, "$way: when it is there again");
	$stop->();
}

done_testing();
