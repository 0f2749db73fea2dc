# A listener whose answers a test decides on.

package Receiver;

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils;
use POSIX ();
use Time::HiRes qw(time sleep);

our @EXPORT = qw(receiver received received_ids receiver_stop receiver_again);

# Starts one, on a free port. What it is sent is handed to decide, with how often that
# event has come; the answer is a status, headers, and seconds to wait before it.
sub receiver
{
	my ($decide) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $receiver = { decide => $decide, log => "$folder/received" };

	append($receiver, '');
	return receiver_again($receiver);
}

# The same one again, on its port.
sub receiver_again
{
	my ($receiver) = @_;
	my $server = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', ReuseAddr => 1,
		LocalPort => $receiver->{port} // 0) or die "could not listen: $!";

	$receiver->{port} = $server->sockport;
	$receiver->{url} = "http://127.0.0.1:$receiver->{port}/hub";
	$receiver->{pid} = fork // die "could not fork: $!";
	serve($receiver, $server) unless $receiver->{pid};
	return $receiver;
}

sub serve
{
	my ($receiver, $server) = @_;
	my $select = IO::Select->new($server);
	my (%input, %count);

	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = sub { POSIX::_exit(0) };
	while (my @ready = $select->can_read)
	{
		foreach my $caller (@ready)
		{
			if ($caller == $server)
			{
				$select->add(my $new = $server->accept);
				$input{$new} = '';
				next;
			}
			if (!sysread $caller, $input{$caller}, 65536, length $input{$caller})
			{
				$select->remove($caller);
				close $caller;
				next;
			}
			answer($receiver, $caller, \$input{$caller}, \%count);
		}
	}
	POSIX::_exit(1);
}

# The requests that are whole.
sub answer
{
	my ($receiver, $caller, $input, $count) = @_;

	while ($$input =~ /\A(POST (\S+).*?)\r\n\r\n/s)
	{
		my ($head, $path, $from) = ($1, $2, $+[0]);
		my %headers = map { /^([^:]+): *(.*)/ ? (lc $1 => $2) : () } split /\r\n/, $head;
		my $length = $headers{'content-length'};

		return if length $$input < $from + $length;
		my %request = (at => time, path => $path, headers => \%headers, body => substr $$input, $from, $length);
		$$input = substr $$input, $from + $length;
		my ($status, $more, $delay) = $receiver->{decide}->(\%request, ++$count->{ $headers{'webhook-id'} });
		append($receiver, encode_json({ %request, status => $status }) . "\n");
		sleep $delay if $delay;
		syswrite $caller, "HTTP/1.1 $status -\r\n" . ($more // '') . ($status == 204 ? '' : "Content-Length: 0\r\n") . "\r\n";
	}
	return;
}

sub append
{
	my ($receiver, $line) = @_;

	open my $log, '>>', $receiver->{log} or die "could not write $receiver->{log}: $!";
	syswrite $log, $line;
	close $log;
	return;
}

# What it was sent, and answered with.
sub received
{
	my ($receiver) = @_;

	return map { decode_json($_) } split /\n/, slurp_file($receiver->{log});
}

# The resources of the events that it took, in order.
sub received_ids
{
	my ($receiver) = @_;

	return map { my $event = decode_json($_->{body})->{event}; map { $_->{id} } values %$event }
		grep { $_->{status} =~ /^2/ } received($receiver);
}

sub receiver_stop
{
	foreach my $receiver (@_)
	{
		my $pid = delete $receiver->{pid} // next;

		kill TERM => $pid;
		waitpid $pid, 0;
	}
	return;
}

1;
