# Servers that files are taken from and brought to: those of Debian's packages, each on
# 127.0.0.1, as the user that the test runs as, with a folder of its own. Whoever sets
# {largest}, in blocks of 512 bytes, and has it started again has filled its disk.

package Servers;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use Exporter 'import';
use IO::Socket::INET;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use POSIX ();
use Processes;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(web_server ftp_server sftp_server s3_server raw_server server_again server_kill server_stop
	servers_config servers_missing);

my %running;

END
{
	my $status = $?;

	server_kill($_) foreach values %running;
	$? = $status;
}

# ---- those of packages ----

# nginx, which takes files by PUT, without a password below /open. Options: tls; rate, bytes
# a second of an answer.
sub web_server
{
	my (%options) = @_;
	my $server = server('web', $options{tls} ? 'https' : 'http');
	my $home = $server->{home};
	my $rate = $options{rate} ? "limit_rate $options{rate};" : '';
	my $tls = '';

	if ($options{tls})
	{
		certificate($server);
		$tls = "ssl_certificate $server->{certificate}; ssl_certificate_key $home/key.pem;";
	}
	append_to_file("$home/users", "usage:{PLAIN}$server->{password}\n");
	append_to_file("$home/nginx.conf", <<"CONF");
daemon off; worker_processes 1; pid $home/pid; error_log $home/log;
events { worker_connections 64; }
http {
	access_log off; client_max_body_size 0; default_type application/octet-stream;
	client_body_temp_path $home/temp; proxy_temp_path $home/proxy; fastcgi_temp_path $home/fastcgi;
	uwsgi_temp_path $home/uwsgi; scgi_temp_path $home/scgi;
	server {
		listen 127.0.0.1:$server->{port}@{[ $options{tls} ? ' ssl' : '' ]}; $tls $rate
		root $server->{folder};
		auth_basic usage; auth_basic_user_file $home/users;
		dav_methods PUT DELETE; create_full_put_path on;
		location /open/ { auth_basic off; }
	}
}
CONF
	mkdir "$server->{folder}/open";
	$server->{command} = [ 'nginx', '-p', $home, '-c', "$home/nginx.conf", '-e', "$home/log" ];
	$server->{config} = "user = usage\npassword = $server->{password}\n"
		. ($options{tls} ? "ca-file = $server->{certificate}\n" : '');
	return server_again($server);
}

# pure-ftpd, whose users are its own. It is made for root: it gets to think that it may
# change users. Options: tls, as asked for (AUTH TLS).
sub ftp_server
{
	my (%options) = @_;
	my $server = server('ftp', $options{tls} ? 'ftps' : 'ftp');
	my $home = $server->{home};
	my $out = '';
	my @tls;

	append_to_file("$home/root.c", <<'C');
#define _GNU_SOURCE
#include <grp.h>
#include <poll.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

int setgroups(size_t count, const gid_t *groups) { (void) count; (void) groups; return 0; }
int initgroups(const char *user, gid_t group) { (void) user; (void) group; return 0; }
int setuid(uid_t user) { (void) user; return 0; }
int setgid(gid_t group) { (void) group; return 0; }
int seteuid(uid_t user) { (void) user; return 0; }
int setegid(gid_t group) { (void) group; return 0; }
/* it lets who logs in wait for up to five seconds */
int nanosleep(const struct timespec *time, struct timespec *left) { (void) time; (void) left; poll(0, 0, 1); return 0; }
int usleep(useconds_t time) { (void) time; poll(0, 0, 1); return 0; }
C
	system_or_bail('cc', '-shared', '-fPIC', '-o', "$home/root.so", "$home/root.c");
	# pure-pw would choose a hash that takes seconds
	append_to_file("$home/passwd", join(':', 'usage', crypt($server->{password}, '$5$salt$'), $<, $) + 0, '', $server->{folder},
		('') x 12) . "\n");
	IPC::Run::run([ 'pure-pw', 'mkdb', "$home/db", '-f', "$home/passwd" ], '>&', \$out) or die "pure-pw: $out";
	if ($options{tls})
	{
		certificate($server);
		append_to_file("$home/both.pem", slurp_file("$home/key.pem") . slurp_file($server->{certificate}));
		chmod 0600, "$home/both.pem";
		@tls = ('--tls=3', "--certfile=$home/both.pem");
	}
	$server->{environment} = { LD_PRELOAD => "$home/root.so" };
	$server->{command} = [ 'pure-ftpd', '-4', '-H', '-E', '-S', "127.0.0.1,$server->{port}", '-l', "puredb:$home/db",
		'-g', "$home/pid", '-O', "clf:$home/log", @tls ];
	$server->{config} = "user = usage\npassword = $server->{password}\n"
		. ($options{tls} ? "ca-file = $server->{certificate}\n" : '');
	return server_again($server);
}

# openssh's, for whom the test runs as.
sub sftp_server
{
	my $server = server('sftp', 'sftp');
	my $home = $server->{home};
	my $user = getpwuid $<;

	system_or_bail('ssh-keygen', '-q', '-t', $_->[0], '-N', '', '-f', "$home/$_->[1]")
		foreach [ 'ed25519', 'host' ], [ 'ecdsa', 'host_ecdsa' ], [ 'ed25519', 'user' ];
	$server->{host_key} = slurp_file("$home/host.pub") =~ s/ \S+\n?\z//r;
	append_to_file("$home/known_hosts", "[127.0.0.1]:$server->{port} $server->{host_key}\n");
	append_to_file("$home/sshd_config", <<"CONF");
Port $server->{port}
ListenAddress 127.0.0.1
HostKey $home/host
HostKey $home/host_ecdsa
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile $home/user.pub
Subsystem sftp internal-sftp
CONF
	$server->{command} = [ '/usr/sbin/sshd', '-D', '-f', "$home/sshd_config", '-E', "$home/log" ];
	$server->{url} .= $server->{folder};
	$server->{config} = "user = $user\nkey-file = $home/user\nknown-hosts = $home/known_hosts\n";
	return server_again($server);
}

# ---- those of ours ----

# Takes and gives objects of one bucket as S3 does: a request whose signature is not the
# one that S3's manual would have is refused.
sub s3_server
{
	my $server = server('s3', 's3');

	$server->{url} = 's3://usage-bucket';
	$server->{section} = "[bucket usage-bucket]\naccess-key = AKIDEXAMPLE\nsecret-key = $server->{password}\n"
		. "region = eu-central-1\nendpoint = http://127.0.0.1:$server->{port}\n";
	$server->{config} = '';
	$server->{serve} = sub { s3_answer($server, @_) };
	return server_again($server);
}

# One that does with each caller what it is told to: a function of the connection.
sub raw_server
{
	my ($serve, $scheme) = @_;
	my $server = server('raw', $scheme // 'http');

	$server->{config} = '';
	$server->{serve} = $serve;
	return server_again($server);
}

sub s3_answer
{
	my ($server, $caller) = @_;
	my ($head, $body) = ('', '');

	while ($head !~ /\r\n\r\n/)
	{
		sysread $caller, $head, 65536, length $head or return;
	}
	($head, $body) = split /\r\n\r\n/, $head, 2;
	my ($method, $path) = $head =~ /\A(\S+) (\S+) / or return;
	my %header = map { /^([^:]+): *(.*?) *\z/ ? (lc $1 => $2) : () } split /\r\n/, $head;
	my $file = "$server->{folder}/" . ($path =~ s/[^A-Za-z0-9.-]/_/gr);

	syswrite $caller, "HTTP/1.1 100 Continue\r\n\r\n" if ($header{expect} // '') eq '100-continue';
	while (length $body < ($header{'content-length'} // 0))
	{
		sysread $caller, $body, 1 << 20, length $body or return;
	}
	my $wrong = s3_fault($server, $method, $path, \%header, $body);
	my ($status, $answer) = $wrong ? (403, "<Error><Code>$wrong</Code></Error>") : (200, '');
	if (!$wrong && $method eq 'PUT')
	{
		open my $out, '>:raw', "$file.new" or die "$file: $!";
		print $out $body;
		close $out;
		rename "$file.new", $file;
	}
	elsif (!$wrong)
	{
		($status, $answer) = -f $file ? (200, slurp_file($file)) : (404, '<Error><Code>NoSuchKey</Code></Error>');
	}
	print $caller "HTTP/1.1 $status -\r\nContent-Length: " . length($answer) . "\r\nConnection: close\r\n\r\n"
		. ($method eq 'HEAD' ? '' : $answer);
	return;
}

# What is wrong with a request, in S3's words.
sub s3_fault
{
	my ($server, $method, $path, $header, $body) = @_;
	my ($key, $day, $region, $signed, $signature) = ($header->{authorization} // '') =~
		m{^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$}
		or return 'AccessDenied';
	my @signed = split /;/, $signed;
	my $right = join '/', map { s/%([0-9A-F]{2})/chr hex $1/ger =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger } split /\//, $path, -1;
	my $canonical = join "\n", $method, $right, '', (map { "$_:" . ($header->{$_} // '') } @signed), '', $signed,
		$header->{'x-amz-content-sha256'} // '';
	my $string = join "\n", 'AWS4-HMAC-SHA256', $header->{'x-amz-date'} // '', "$day/$region/s3/aws4_request", sha256_hex($canonical);
	my $by = "AWS4$server->{password}";

	$by = hmac_sha256($_, $by) foreach $day, $region, 's3', 'aws4_request';
	return 'InvalidAccessKeyId' if $key ne 'AKIDEXAMPLE';
	return 'AuthorizationHeaderMalformed' if $region ne 'eu-central-1';
	return 'AccessDenied' if grep { my $name = $_; !grep { $_ eq $name } @signed } qw(host x-amz-content-sha256 x-amz-date);
	return 'RequestTimeTooSkewed' if ($header->{'x-amz-date'} // '') !~ /^\Q$day\ET\d{6}Z$/;
	return 'SignatureDoesNotMatch' if hmac_sha256_hex($string, $by) ne $signature;
	return 'XAmzContentSHA256Mismatch' if $header->{'x-amz-content-sha256'} ne sha256_hex($body);
	return 'MissingContentLength' if $method eq 'PUT' && !defined $header->{'content-length'};
	return;
}

# ---- their lives ----

# What of these is not installed, for a test that would skip without; and /proc, without
# which no server is killed with all its processes.
sub servers_missing
{
	my (@programs) = @_;
	my @paths = (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin');

	return ((grep { my $program = $_; !grep { -x "$_/$program" } @paths } @programs), processes_seen() ? () : '/proc');
}

# A configuration of the agent's with all of them, and more text before; its name.
sub servers_config
{
	my ($text, @servers) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/agent.conf';

	append_to_file($file, join "\n", $text, map { $_->{section}
		? "$_->{section}allow-private = yes\n" : "[host 127.0.0.1:$_->{port}]\n$_->{config}allow-private = yes\n" } @servers);
	chmod 0600, $file;
	return $file;
}

# What all have: a home, a folder for their files, a port, a password.
sub server
{
	my ($name, $scheme) = @_;
	# not below the test's: what nginx and sshd name has to be short
	my $home = PostgreSQL::Test::Utils::tempdir_short();
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "could not listen: $!";
	my %server = (name => $name, home => $home, folder => "$home/files", port => $socket->sockport,
		password => 'secret-' . sha256_hex(rand . time . $$));

	mkdir $server{folder};
	chmod 0755, $home;
	$server{url} = "$scheme://127.0.0.1:$server{port}";
	return \%server;
}

sub certificate
{
	my ($server) = @_;
	my $out = '';

	$server->{certificate} = "$server->{home}/certificate.pem";
	IPC::Run::run([ 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-days', '2',
		'-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$server->{home}/key.pem", '-out', $server->{certificate} ],
		'>&', \$out) or die "openssl: $out";
	return;
}

# Starts one, or starts it again on its port, and waits until it listens.
sub server_again
{
	my ($server) = @_;
	my $socket = $server->{serve} ? listening($server) : undef;
	my $pid = fork // die "could not fork: $!";
	my $until = time + 20;

	if (!$pid)
	{
		%running = ();
		serve($server, $socket) if $socket;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$server->{home}/out";
		open STDERR, '>&', \*STDOUT;
		%ENV = (%ENV, %{ $server->{environment} // {} }, PATH => "$ENV{PATH}:/usr/sbin:/sbin");
		my @limit = $server->{largest} ? ('sh', '-c', "trap '' XFSZ; ulimit -f $server->{largest}; exec \"\$@\"", 'sh') : ();
		exec @limit, @{ $server->{command} } or POSIX::_exit(1);
	}
	$server->{pid} = $pid;
	$running{$pid} = $server;
	until ($socket || IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port}))
	{
		die "$server->{name} does not start: " . slurp_file("$server->{home}/out") . log_of($server)
			if time > $until || waitpid($pid, POSIX::WNOHANG()) == $pid;
		sleep 0.02;
	}
	return $server;
}

sub log_of
{
	my ($server) = @_;

	return -f "$server->{home}/log" ? slurp_file("$server->{home}/log") : '';
}

sub listening
{
	my ($server) = @_;

	return IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', LocalPort => $server->{port}, ReuseAddr => 1)
		|| die "could not listen: $!";
}

# A process for each caller.
sub serve
{
	my ($server, $socket) = @_;

	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = 'DEFAULT';
	while (1)
	{
		my $caller = $socket->accept or next;
		my $pid = fork // POSIX::_exit(1);

		if (!$pid)
		{
			close $socket;
			$caller->autoflush(1);
			eval { $server->{serve}->($caller); 1 } or warn $@;
			close $caller;
			POSIX::_exit(0);
		}
		close $caller;
	}
	POSIX::_exit(1);
}

sub server_stop
{
	my ($server) = @_;

	return ended($server, 'TERM');
}

# With all its processes, at once.
sub server_kill
{
	my ($server) = @_;

	return ended($server, 'KILL');
}

sub ended
{
	my ($server, $signal) = @_;
	my $pid = delete $server->{pid} // return;
	my @all = ($pid, descendants($pid));

	delete $running{$pid};
	kill $signal => @all;
	waitpid $pid, 0;
	return;
}

1;
