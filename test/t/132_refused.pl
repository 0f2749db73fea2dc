# What the agent does not do for an order, whatever its url says and whatever a server
# answers; in words that tell an operator what to do, and without secrets.

use strict;
use warnings;
use IO::Socket::INET;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Remote;
use Servers;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my @missing = servers_missing(qw(nginx pure-ftpd pure-pw sshd ssh-keygen openssl));
plan skip_all => "no @missing" if @missing;

my $home = PostgreSQL::Test::Utils::tempdir_short();
my $open = "$home/open";
my $said = '';
mkdir $open;

# Runs it with a configuration; its status and what it says of trouble.
sub told
{
	my ($config, @arguments) = @_;
	my ($status, $out, $err) = remote($config ? ('-f', $config) : (), @arguments);

	$said .= "$err\n";
	return "$status $err";
}

# ---- urls ----

my $plain = servers_config("[directory $open]\n");
my @urls = (
	[ 'http://host.example/a b', 'has a space or a control character' ],
	[ "http://host.example/a\nb", 'has a space or a control character' ],
	[ 'http://name:word@host.example/', 'has a user or a password in it; those belong into [host NAME]' ],
	[ 'http://host.example/a#b', 'has a #fragment' ],
	[ 'http://name%40host.example/a', 'the url is not understood' ],
	[ 'http://host.example%2fa/b', 'the url is not understood' ],
	[ 'gopher://host.example/a', 'is none of file:, http:, https:, ftp:, ftps:, sftp:, s3:' ],
	[ 'scp://host.example/a', 'is none of file:' ],
	[ 'dict://host.example/a', 'is none of file:' ],
	[ 'no url', 'has a space' ],
	[ '/etc/passwd', 'the url is' ],
	[ 'file:name.json', 'the url ' ],
	[ 'ftp://host.example/', 'names no file' ],
	[ 'ftp://host.example/*/a', 'has a pattern before its last part' ],
	[ 'ftp://host.example/a/../b', 'has ".." in it' ],
	[ 'http://host.example/a/%2e%2E/b', 'has ".." in it' ],
	[ 'ftp://host.example/a%2fb', 'encoded /' ],
	[ 'ftp://host.example/a%0aDELE%20b', 'control character' ],
	[ 'sftp://host.example/a', 'no user is known for "host.example"; add [host host.example] with user and key-file or password-file to' ],
	[ 's3://bucket/a', 'no keys are known for "bucket"; add [bucket bucket] with access-key, secret-key-file and region to' ],
	[ 'file://host.example/etc/passwd', 'the url ' ],
	[ 'file:///etc/passwd', 'is below no directory that is open to orders; [directory PATH] in' ],
	[ "file://$open", 'is below no directory' ],
	[ "file://${open}er/a", 'is below no directory' ],
	[ "file://$open/../a", 'has ".." in it' ],
	[ "file://$open/%2e%2e/a", 'has ".." in it' ],
	[ "file://$open/a%2f..%2fb", 'encoded /' ],
	[ "file://$open/a%00b", 'the url' ],
	[ "http://\xef\xbd\x88ost.example/a", 'has a letter that is not ASCII' ],
	[ 'http://%EF%BD%88ost.example/a', 'has a letter that is not ASCII' ],
	[ 'http://./a', 'the url ' ]);
foreach my $case (@urls)
{
	my ($url, $words) = @$case;

	like(told($plain, 'check', $url), qr/^1 lasts: .*\Q$words\E/, "refused: $url" =~ s/[\n]/?/gr);
}
like(told(undef, 'check', "file://$open/a"), qr/^1 lasts: .*is below no directory.* \[directory PATH\] in "the file that --config names"/, 'without a configuration no file is open');
like(told($plain, '-c', 'partner', 'check', 'http://host.example/'), qr/^1 lasts: there is no \[credential partner\]/, 'an unknown credential');

# ---- files ----

write_file("$open/good", "good\n");
write_file("$home/secret", "secret\n");
mkdir "$open/folder";
mkdir "$home/elsewhere";
write_file("$home/elsewhere/good", "secret\n");
symlink "$home/secret", "$open/link";
symlink "$home/elsewhere", "$open/out";
symlink "$open/good", "$open/inside";
system_or_bail('mkfifo', "$open/pipe");
is((remote('-f', $plain, 'get', "file://$open/good"))[1], "good\n", 'a file below it is read');
like(told($plain, 'get', "file://$open/link"), qr/^1 lasts: .*is a symbolic link, and those are not followed/, 'a link out');
like(told($plain, 'get', "file://$open/inside"), qr/^1 lasts: .*is a symbolic link/, 'a link');
like(told($plain, 'get', "file://$open/out/good"), qr/^1 lasts: .*"out" is a symbolic link/, 'a folder that is a link out');
like(told($plain, 'put', "file://$open/out/new", "$open/good"), qr/^1 lasts: .*"out" is a symbolic link/, 'to write, too');
like(told($plain, 'list', "file://$open/out/*"), qr/^1 lasts: .*"out" is a symbolic link/, 'to list, too');
like(told($plain, 'remove', "file://$open/out/good"), qr/^1 lasts: .*"out" is a symbolic link/, 'to remove, too');
like(told($plain, 'rename', "file://$open/out/good", 'new'), qr/^1 lasts: .*"out" is a symbolic link/, 'to rename, too');
ok(-e "$home/elsewhere/good", 'it is there');
like(told($plain, 'get', "file://$open/pipe"), qr/^1 lasts: .*is no plain file/, 'a pipe');
like(told($plain, 'get', "file://$open/folder"), qr/^1 lasts: .*is no plain file/, 'a folder');
like(told(servers_config("[directory /]\n"), 'get', 'file:///dev/zero'), qr/^1 lasts: .*is no plain file/, 'a device');
like(told($plain, 'get', "file://$open/none"), qr/^1 lasts: .*No such file/, 'one that is not there');
is(told($plain, 'put', "file://$open/link", "$open/good"), '0 ', 'a link is replaced');
is(slurp_file("$home/secret"), "secret\n", 'and not followed');
# whoever owns the folder that the directory lies in makes another thing of its name
{
	my $owned = servers_config("[directory $home/owned/in]\n");

	mkdir "$home/owned", 0711;
	mkdir "$home/owned/in";
	write_file("$home/owned/in/good", "good\n");
	is((remote('-f', $owned, 'get', "file://$home/owned/in/good"))[1], "good\n", 'a directory in a folder of somebody else');
	rename "$home/owned/in", "$home/owned/was";
	symlink "$home/elsewhere", "$home/owned/in";
	like(told($owned, 'get', "file://$home/owned/in/good"), qr/^1 lasts: .*"in" is a symbolic link/, 'a directory that has become a link');
	like(told($owned, 'put', "file://$home/owned/in/new", "$open/good"), qr/^1 lasts: .*"in" is a symbolic link/, 'to write, too');
	like(told($owned, 'list', "file://$home/owned/in/*"), qr/^1 lasts: .*"in" is a symbolic link/, 'to list, too');
	rename "$home/owned", "$home/moved";
	symlink 'moved', "$home/owned";
	unlink "$home/moved/in";
	rename "$home/moved/was", "$home/moved/in";
	like(told($owned, 'get', "file://$home/owned/in/good"), qr/^1 lasts: .*"owned" is a symbolic link/, 'or whose folder has');
}
my $reading = servers_config("[directory $open]\nread-only = yes\nroles = mediation, rating\n");
is(told($reading, '-r', 'rating', 'get', "file://$open/good") =~ s/size.*//r, '0 ', 'a directory for some roles');
like(told($reading, '-r', 'partner', 'get', "file://$open/good"), qr/^1 lasts: .*is not open to the orders of "partner"; `roles` in/, 'is for them alone');
like(told($reading, 'put', "file://$open/new", "$open/good"), qr/^1 lasts: .*is read-only/, 'and to read from');
like(told($reading, 'remove', "file://$open/good"), qr/^1 lasts: .*is read-only/, 'alone');
# a directory within another one has its own rules, however its path is written
my $inner = servers_config("[directory $open]\n[directory $open//folder/]\nread-only = yes\nroles = mediation\n");
write_file("$open/folder/inner", "inner\n");
foreach my $way ('folder', '/folder', 'folder/', '//folder//')
{
	like(told($inner, '-r', 'partner', 'get', "file://$open/$way/inner"), qr/^1 lasts: .*is not open to the orders of "partner"/, "$way is for other roles");
	like(told($inner, '-r', 'partner', 'list', "file://$open/$way/*"), qr/^1 lasts: .*is not open to the orders of "partner"/, 'its list, too');
	like(told($inner, '-r', 'mediation', 'put', "file://$open/$way/new", "$open/good"), qr/^1 lasts: .*is read-only/, 'and to read from alone');
}
is((remote('-f', $inner, '-r', 'mediation', 'get', "file://$open//folder//inner"))[1], "inner\n", 'and open to those');

# ---- roles, by whatever name a host has ----

my $reserved = servers_config("[host plain.example]\nroles = mediation\n[host with.example:443]\nroles = mediation\n");
foreach my $url ('http://plain.example/', 'https://PLAIN.example./', 'ftp://plain.example:2121/a', 'http://pl%61in.example/', 'https://with.example/',
	'https://with.example:0443/', 'https://with.example.:443/', 'http://with.example:443/')
{
	like(told($reserved, '-r', 'partner', 'check', $url), qr/^1 lasts: .*is not open to the orders of "partner"/, "$url is for other roles");
}
like(told($reserved, '-r', 'partner', 'check', 'http://with.example/'), qr/^0 /, 'another port is not');

# ---- addresses ----

my $web = web_server();
my $sftp = sftp_server();
my $ftp = ftp_server();
my $seen = "$home/seen";
my $counting = raw_server(sub { append_to_file($seen, 'x') });
write_file($seen, '');
foreach my $host ('127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
	'[64:ff9b::7f00:1]', '169.254.169.254', '10.0.0.1', '192.168.1.1', '[fe80::1]', '[fd00::1]')
{
	like(told($plain, 'get', "http://$host:$counting->{port}/"),
		qr/^1 lasts: .*: \S+ is an? [\w' -]+ address, which is not connected to; allow-private = yes in \[host /, "$host is refused");
}
foreach my $scheme (qw(https ftp ftps sftp))
{
	my $config = servers_config("[host 127.0.0.1]\nuser = x\npassword = y\n");

	like(told($config, 'get', "$scheme://127.0.0.1:$counting->{port}/a"), qr/^1 lasts: .*is a loopback address/, "$scheme: get");
	like(told($config, 'put', "$scheme://127.0.0.1:$counting->{port}/a", "$open/good"), qr/^1 lasts: .*is a loopback address/, "$scheme: put");
	like(told($config, 'list', "$scheme://127.0.0.1:$counting->{port}/*"), qr/^1 lasts: .*is a loopback address/, "$scheme: list")
		if $scheme ne 'https';
}
my $bucket = servers_config("[bucket b]\naccess-key = x\nsecret-key = secret-y\nregion = z\nendpoint = http://127.0.0.1:$counting->{port}\n");
like(told($bucket, 'get', 's3://b/a'), qr/^1 lasts: .*is a loopback address/, 's3: get');
is(slurp_file($seen), '', 'nobody was connected to');
{
	my %proxies = map { $_ => "http://127.0.0.1:$counting->{port}" } qw(http_proxy HTTP_PROXY https_proxy HTTPS_PROXY ftp_proxy all_proxy ALL_PROXY);
	local %ENV = (%ENV, %proxies, no_proxy => '', NO_PROXY => '');

	write_file("$web->{folder}/open/a", "a\n");
	is((remote('-f', servers_config('', $web), 'get', "$web->{url}/open/a"))[1], "a\n", 'past the proxies of the environment');
	like(told($plain, 'get', "http://127.0.0.1:$web->{port}/open/a"), qr/^1 lasts: .*is a loopback address/, 'and not through them');
	is(slurp_file($seen), '', 'of which none was asked');
}

# ---- a name that changes its answer ----

{
	my $library = "$home/names.so";
	my $log = "$home/names";
	my $changing = raw_server(sub {
		my ($caller) = @_;
		sysread $caller, my $request, 65536 or return;
		my $again = $request =~ m{ /first };
		print $caller $again ? "HTTP/1.1 302 -\r\nLocation: /second\r\n" : "HTTP/1.1 200 -\r\n";
		print $caller "Content-Length: 5\r\nConnection: close\r\n\r\n", $request =~ /^HEAD/ ? '' : "here\n";
	});

	write_file("$home/names.c", <<'C');
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Each time a name is asked for, the next address of ANSWERS; 192.0.3.1, which is public, is here.  Newer
 * libcurls ask for each family by itself: of IPv6 there is none.
 */
static void
note(const char *what, const char *address)
{
	FILE	   *log = fopen(getenv("NAMES_LOG"), "a");

	fprintf(log, "%s %s\n", what, address);
	fclose(log);
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	static int	times;
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	char		answers[200];
	char	   *rest = answers;
	char	   *address = NULL;

	if (strcmp(name, "changing.example") != 0)
		return real(name, service, hints, found);
	if (hints->ai_family == AF_INET6)
		return EAI_NONAME;
	snprintf(answers, sizeof(answers), "%s", getenv("ANSWERS"));
	times++;
	for (int i = 0; i < times; i++)
		address = strsep(&rest, " ");
	note("asked", address);
	return real(address, service, hints, found);
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int			(*real) (int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
	struct sockaddr_in in;
	char		text[100];

	if (address->sa_family != AF_INET)
		return real(fd, address, length);
	memcpy(&in, address, sizeof(in));
	note("connected", inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text)));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return real(fd, (struct sockaddr *) &in, sizeof(in));
}
C
	system_or_bail('cc', '-shared', '-fPIC', '-o', $library, "$home/names.c", '-ldl');
	my $config = servers_config("[network]\nallow-redirects = yes\n");
	my $asked = sub {
		my ($answers, $path) = @_;

		write_file($log, '');
		IPC::Run::run([ 'env', "LD_PRELOAD=$library", "NAMES_LOG=$log", "ANSWERS=$answers", remote_program(), '-f', $config, 'get',
			"http://changing.example:$changing->{port}/$path" ], '<', \undef, '>', \my $out, '2>', \my $err);
		return ($? >> 8) . " $out$err";
	};
	like($asked->('192.0.3.1 127.0.0.1 127.0.0.1', 'second'), qr/^0 here\n/, 'a name that is public at first');
	is(slurp_file($log), "asked 192.0.3.1\nconnected 192.0.3.1\nconnected 192.0.3.1\n", 'was asked for once');
	like($asked->('192.0.3.1 127.0.0.1 127.0.0.1', 'first'), qr/^0 here\n/, 'and after a redirect to itself');
	unlike(slurp_file($log), qr/127/, 'as well');
	like($asked->('127.0.0.1 192.0.3.1', 'second'), qr/^1 lasts: .*127\.0\.0\.1 is a loopback address/, 'a name that is not');
	is(slurp_file($log), "asked 127.0.0.1\n", 'is not connected to');
}

# ---- redirects ----

{
	my $target = "$web->{url}/open/a";
	my $heard = "$home/heard";
	my $status = 302;
	my $to;
	# what it is to answer stands in a file
	my $leading = raw_server(sub {
		my ($caller) = @_;
		sysread $caller, my $request, 65536 or return;
		append_to_file($heard, $request);
		print $caller slurp_file("$home/answer");
	});
	my $leads = sub {
		my ($status, $to) = @_;
		unlink $heard, "$home/answer";
		write_file("$home/answer", "HTTP/1.1 $status -\r\nLocation: $to\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	};
	$leading->{config} = "user = usage\npassword = secret-leading\n";
	my $never = servers_config('', $leading, $web);
	my $may = servers_config("[network]\nallow-redirects = yes\n", $leading, $web);
	my $all = servers_config("[network]\nallow-redirects = yes\nallow-private = yes\n", $leading);

	foreach my $status (301, 302, 303, 307, 308)
	{
		$leads->($status, $target);
		like(told($never, 'get', "$leading->{url}/a?X-Signature=secret-signature"), qr/^1 lasts: .*\/a: the server leads on to another url \($status\), and redirects are not followed/, "$status is not followed");
		like(told($never, 'put', "$leading->{url}/a", "$open/good"), qr/^1 lasts: .*was answered $status; redirects are not followed here/, "nor by a put");
	}
	$leads->(302, $target);
	like(told($may, 'get', "$leading->{url}/a"), qr/^1 lasts: .*127\.0\.0\.1 is a loopback address, which no redirect is followed to/, 'a redirect to a private address, which an order could have');
	foreach my $host ('169.254.169.254', 'localhost', '[::ffff:127.0.0.1]', '2130706433')
	{
		$leads->(302, "http://$host/latest/meta-data/");
		like(told($may, 'get', "$leading->{url}/a"), qr/^1 lasts: .*is an? [a-zA-Z4-]+ address/, "a redirect to $host");
	}
	foreach my $url ("file:///etc/passwd", 'ftp://host.example/a', 'sftp://host.example/a', 'gopher://host.example/a')
	{
		$leads->(302, $url);
		like(told($all, 'get', "$leading->{url}/a"), qr/^1 lasts: .*(?:a redirect is followed from http to http or https|is none of|was answered 302)/, "a redirect to $url");
	}
	my $other = raw_server(sub {
		my ($caller) = @_;
		sysread $caller, my $request, 65536 or return;
		append_to_file("$home/other", $request);
		print $caller "HTTP/1.1 200 -\r\nContent-Length: 6\r\nConnection: close\r\n\r\n", $request =~ /^HEAD/ ? '' : "there\n";
	});
	$other->{config} = "user = usage\npassword = secret-other\n";
	$all = servers_config("[network]\nallow-redirects = yes\nallow-private = yes\n", $leading, $other);
	$leads->(302, "$other->{url}/b");
	is((remote('-f', $all, 'get', "$leading->{url}/a"))[1], "there\n", 'one that is allowed is followed');
	like(slurp_file($heard), qr/^Authorization: Basic/m, 'whom the order names gets the credentials');
	unlike(slurp_file("$home/other"), qr/^Authorization:/m, 'whom it leads to gets none');
	my $others = servers_config("[network]\nallow-redirects = yes\nallow-private = yes\n", $leading, { %$other, config => "roles = mediation\n" });
	$leads->(302, "$other->{url}/b");
	like(told($others, '-r', 'partner', 'get', "$leading->{url}/a"), qr/^1 lasts: .*is not open to the orders of "partner"/, 'one to a host that is for other roles is not');
	is((remote('-f', $others, '-r', 'mediation', 'get', "$leading->{url}/a"))[1], "there\n", 'but for those');
	$leads->(302, "$leading->{url}/a");
	like(told($all, 'get', "$leading->{url}/a"), qr/^1 lasts: .*leads on more than 5 times/, 'one in a circle');
}

# ---- FTP's data connections ----

# Answers as FTP's servers do; a function says what to PASV, EPSV and the like, and what the data are.
sub ftp_talk
{
	my ($caller, $answer) = @_;
	my $data;

	print $caller "220 here\r\n";
	while (my $line = <$caller>)
	{
		my ($command, $argument) = $line =~ /^(\w+) ?(.*?)\r\n/ or return;
		append_to_file("$home/commands", "$command $argument\n");
		my $own = $answer->($caller, $command, $argument);
		print $caller $own // { USER => "331 word?\r\n", PASS => "230 in\r\n", PWD => "257 \"/\"\r\n", TYPE => "200 yes\r\n",
			CWD => "250 there\r\n", QUIT => "221 bye\r\n" }->{$command} // "502 no\r\n";
	}
	return;
}

{
	my $passive = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
	my $port = $passive->sockport;
	# the same port of another of ours, and nobody but a wrong client comes there
	my $elsewhere = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.2', LocalPort => $port) or die "listen: $!";
	my $leading = raw_server(sub {
		my ($caller) = @_;
		ftp_talk($caller, sub {
			my ($caller, $command) = @_;
			return sprintf "227 (127,0,0,2,%d,%d)\r\n", $port >> 8, $port & 255 if $command eq 'PASV';
			return "213 4\r\n" if $command eq 'SIZE';
			return undef if $command ne 'RETR';
			print $caller "150 now\r\n";
			my $data = $passive->accept;
			print $data "abc\n";
			close $data;
			return "226 done\r\n";
		});
	}, 'ftp');
	my $config = servers_config("[network]\ntimeout = 3\n", $leading);

	is((remote('-f', $config, 'get', "$leading->{url}/a"))[1], "abc\n", 'data come from the host that was asked');
	$elsewhere->blocking(0);
	ok(!$elsewhere->accept, 'and not from the one that it names');
	like(slurp_file("$home/commands"), qr/^EPSV .*^PASV/ms, 'EPSV goes before PASV');
	unlink "$home/commands";

	my $active = raw_server(sub { ftp_talk($_[0], sub { return undef }) }, 'ftp');
	my ($status, undef, $err) = remote('-f', servers_config("[network]\ntimeout = 3\n", $active), 'get', "$active->{url}/a");
	isnt($status, 0, 'one that knows nothing passive') or diag $err;
	unlike(slurp_file("$home/commands"), qr/^(?:PORT|EPRT)/m, 'is not told to come to us');

	# its data end before they are all there, and then it is gone or says so
	foreach my $last ("426 broken off\r\n", undef)
	{
		my $short = raw_server(sub {
			my ($caller) = @_;
			ftp_talk($caller, sub {
				my ($caller, $command) = @_;
				return "229 (|||$port|)\r\n" if $command eq 'EPSV';
				return undef if $command ne 'RETR';
				print $caller "150 now\r\n";
				my $data = $passive->accept;
				print $data "abc\n";
				close $data;
				print $caller $last // '';
				close $caller;
				POSIX::_exit(0);
			});
		}, 'ftp');
		like(told(servers_config("[network]\ntimeout = 3\n", $short), 'get', "$short->{url}/a"), qr/^3 passes: /, 'data that are cut short pass');
	}
	# it knows names alone
	my $names = raw_server(sub {
		my ($caller) = @_;
		ftp_talk($caller, sub {
			my ($caller, $command) = @_;
			return "229 (|||$port|)\r\n" if $command eq 'EPSV';
			close $passive->accept if $command eq 'MLSD';
			return "500 what?\r\n" if $command eq 'MLSD';
			return undef if $command ne 'NLST';
			print $caller "150 now\r\n";
			my $data = $passive->accept;
			print $data "b.json\r\n/in/a.json\r\n..\r\nc\x01.json\r\n" . ('d' x 1001) . "\r\n";
			close $data;
			return "226 done\r\n";
		});
	}, 'ftp');
	my $out;
	($status, $out, $err) = remote('-f', servers_config('', $names), 'list', "$names->{url}/in/*");
	is($out, "a.json -1 $names->{url}/in/a.json\nb.json -1 $names->{url}/in/b.json\n", 'a list of names alone') or diag $err;
}

# ---- who a server is ----

{
	my $webs = web_server(tls => 1);
	my $ftps = ftp_server(tls => 1);

	foreach my $server ($webs, $ftps)
	{
		my $name = $server->{url} =~ s/:.*//r;
		my $port = $server->{port};
		my $doubted = servers_config("[host 127.0.0.1]\nuser = usage\npassword = $server->{password}\nallow-private = yes\n");
		my $elsewhere = servers_config("[host localhost]\nuser = usage\npassword = $server->{password}\nca-file = $server->{certificate}\nallow-private = yes\n");

		foreach my $verb ('get', 'put')
		{
			like(told($doubted, $verb, "$server->{url}/a", "$open/good"), qr/^1 lasts: .*certificate.*; its certificate has to be mended, or ca-file/, "$name: $verb, and nobody vouches for it");
			like(told($elsewhere, $verb, "$name://localhost:$port/a", "$open/good"), qr/^1 lasts: .*certificate.*localhost.*; its certificate/, "$name: $verb, and its certificate is another's");
		}
	}
	like(told(servers_config('', { %$ftp, config => "user = usage\npassword = $ftp->{password}\n" }), 'get', $ftp->{url} =~ s/^ftp/ftps/r . '/a'),
		qr/^(?:1 lasts|3 passes): /, 'ftps: never without TLS');

	my ($fingerprint) = `ssh-keygen -lf $sftp->{home}/host.pub` =~ /(SHA256:\S+)/;
	my $unknown = $sftp->{config} =~ s/known-hosts = .*/known-hosts = $home\/none/r;
	my $url = "$sftp->{url}/a";
	my $words = told(servers_config('', { %$sftp, config => $unknown }), 'get', $url);
	like($words, qr/^1 lasts: .*its (?:ED25519|ECDSA) host key SHA256:\S+ is not known in "\Q$home\E\/none"; compare it with what its operator says, and add what ssh-keyscan -p $sftp->{port} 127\.0\.0\.1 prints/, 'sftp: an unknown host key');
	my @prints = map { /(SHA256:\S+)/ } map { `ssh-keygen -lf $_` } glob "$sftp->{home}/host*.pub";
	ok((grep { index($words, "$_ ") >= 0 } @prints), 'which is the one that the server has');
	like(told(servers_config('', { %$sftp, config => $unknown }), 'put', $url, "$open/good"), qr/^1 lasts: .*host key/, 'sftp: nor to write');
	my ($other) = slurp_file("$sftp->{home}/user.pub") =~ /^(\S+ \S+)/;
	write_file("$home/changed", "[127.0.0.1]:$sftp->{port} $other\n");
	my $changed = $sftp->{config} =~ s/known-hosts = .*/known-hosts = $home\/changed/r;
	like(told(servers_config('', { %$sftp, config => $changed }), 'get', $url), qr/^1 lasts: .*its ED25519 host key \Q$fingerprint\E is not the one in ".*it was changed, or this is another server/, 'sftp: a host key that changed');
	is(slurp_file("$home/changed"), "[127.0.0.1]:$sftp->{port} $other\n", 'the known ones stay as they are');
	ok(!-e "$home/none", 'and none is added');
}

# ---- credentials, and files that are not there ----

{
	my $s3 = s3_server();
	my $config = servers_config('', $web, $ftp, $sftp, $s3);
	my $stranger = servers_config("[credential partner]\nfor = other.example 127.0.0.1:1\nuser = usage\npassword = secret-partner\n"
		. "[credential lent]\nfor = 127.0.0.1:$web->{port}\nuser = usage\npassword = $web->{password}\nroles = mediation\n",
		{ %$web, config => '' });
	my @wrong = (
		[ $web, "user = usage\npassword = secret-wrong\n" ],
		[ $ftp, "user = usage\npassword = secret-wrong\n" ],
		[ $sftp, $sftp->{config} =~ s/^key-file = .*/key-file = $sftp->{home}\/host/mr ]);

	foreach my $server ($web, $ftp, $sftp, $s3)
	{
		like(told($config, 'get', "$server->{url}/none"), qr/^1 lasts: .*no such file/i, "$server->{name}: a file that is not there");
	}
	like(told($config, 'get', 's3://usage-bucket/none'), qr/^1 lasts: .*was answered 404 NoSuchKey; there is no such file/, 's3: in its words');
	foreach my $wrong (@wrong)
	{
		my ($server, $own) = @$wrong;
		my $denied = servers_config('', { %$server, config => $own });

		like(told($denied, 'get', "$server->{url}/a"), qr/^1 lasts: .*in the agent's configuration/, "$server->{name}: get, and a login that is denied");
		like(told($denied, 'put', "$server->{url}/a", "$open/good"), qr/^1 lasts: .*in the agent's configuration/, "$server->{name}: put, and a login that is denied");
	}
	my $forged = servers_config('', { %$s3, section => $s3->{section} =~ s/^secret-key = .*/secret-key = secret-wrong/mr });
	like(told($forged, 'get', 's3://usage-bucket/a'), qr/^1 lasts: .*was answered 403 SignatureDoesNotMatch; see to the credentials/, 's3: a wrong key');
	like(told($forged, 'put', 's3://usage-bucket/a', "$open/good"), qr/^1 lasts: .*403 SignatureDoesNotMatch/, 's3: put with a wrong key');
	my $keys = servers_config("[credential keys]\nfor = 127.0.0.1 usage-bucket\naccess-key = a\nsecret-key = secret-keys\nregion = r\n"
		. "[credential word]\nfor = 127.0.0.1 usage-bucket\nuser = a\npassword = secret-word\n", { %$web, config => '' });
	like(told($keys, '-c', 'keys', 'get', "$web->{url}/a"), qr/^1 lasts: the credential "keys" is not for "127\.0\.0\.1"/, 'keys for S3 are no password for a host');
	like(told($keys, '-c', 'word', 'get', 's3://usage-bucket/a'), qr/^1 lasts: the credential "word" is not for "usage-bucket"/, 'nor is a password such a key');
	like(told($keys, '-c', 'keys', 'check', 's3://usage-bucket/a'), qr/^0 /, 'each is for what it is for');
	like(told($stranger, '-c', 'partner', 'get', "$web->{url}/a"), qr/^1 lasts: the credential "partner" is not for "127\.0\.0\.1"; `for` in/, 'a credential for another host');
	like(told($stranger, '-c', 'lent', '-r', 'partner', 'get', "$web->{url}/a"), qr/^1 lasts: the credential "lent" is not open to the orders of "partner"/, 'a credential for another role');
	write_file("$web->{folder}/a", "a\n");
	is((remote('-f', $stranger, '-c', 'lent', '-r', 'mediation', 'get', "$web->{url}/a"))[1], "a\n", 'a credential by name');
	my $lent = servers_config('', { %$web, config => "$web->{config}roles = mediation\n" });
	like(told($lent, '-r', 'partner', 'get', "$web->{url}/a"), qr/^1 lasts: .*is not open to the orders of "partner"/, 'a host for another role');
}

# ---- answers that are none ----

{
	my $answering = raw_server(sub {
		my ($caller) = @_;
		sysread $caller, my $request, 65536 or return;
		print $caller slurp_file("$home/answer");
		sleep 30 if -e "$home/hang";
	});
	my $config = servers_config("[network]\ntimeout = 1\n", $answering);
	my $url = "$answering->{url}/a?X-Signature=secret-signature";
	my $answers = sub {
		write_file("$home/answer", $_[0]);
		return told($config, @_[1 .. $#_], 'get', $url);
	};
	my $ok = "HTTP/1.1 200 -\r\n";

	foreach my $status (408, 425, 429, 500, 502, 503, 504)
	{
		like($answers->("HTTP/1.1 $status -\r\nContent-Length: 4\r\n\r\nabc\n"), qr/^3 passes: .*\/a: reading it was answered $status/, "$status passes");
	}
	foreach my $status (400, 401, 403, 404, 405, 410, 451, 501, 202, 206)
	{
		like($answers->("HTTP/1.1 $status -\r\nContent-Length: 4\r\n\r\nabc\n"), qr/^1 lasts: .*\/a: reading it was answered $status/, "$status lasts");
	}
	is((remote('-f', $config, 'get', $url))[1], '', 'and none of it is data');
	is($answers->("${ok}Content-Length: 4\r\n\r\nabc\n") =~ s/size.*//r, '0 ', 'a whole answer');
	like($answers->("${ok}Content-Length: 9\r\n\r\nabc\n"), qr/^3 passes: /, 'one that is shorter than it says');
	is($answers->("${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n0\r\n\r\n") =~ s/size.*//r, '0 ', 'chunks');
	like($answers->("${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n"), qr/^3 passes: /, 'chunks without an end');
	like($answers->("${ok}Transfer-Encoding: chunked\r\n\r\n9\r\nabc\n"), qr/^3 passes: /, 'a chunk that is cut short');
	like($answers->("${ok}\r\nabc\n"), qr/^1 lasts: .*does not say how long its answer is/, 'one whose end nobody can tell');
	is((remote('-f', $config, 'get', $url))[1], '', 'of which nothing is taken');
	like($answers->(''), qr/^3 passes: /, 'none at all');
	write_file("$home/hang", '');
	my $begun = time;
	like($answers->("${ok}Content-Length: 9\r\n\r\nabc\n"), qr/^3 passes: .*sent \d bytes in 1 seconds, which is taken for none/, 'one that stops');
	like($answers->("${ok}Content-Length: 9\r\n\r\nabc\n", '-p'), qr/^3 passes: .*/, 'one that stops, polled');
	like($answers->(''), qr/^3 passes: .*sent 0 bytes in 1 seconds/, 'one that does not begin');
	like($answers->('', '-p'), qr/^3 passes: .*sent 0 bytes in 1 seconds/, 'one that does not begin, polled');
	like(told($config, 'put', $url, "$open/good"), qr/^3 passes: .*/, 'one that does not answer to a put');
	cmp_ok(time - $begun, '<', 15, 'are waited for no longer than is said');
	like(told(servers_config("[network]\ntimeout = 60\n", $answering), '-g', 1, 'get', $url), qr/^3 passes: .*given up/, 'or than we are told to');
	unlink "$home/hang";
}

# ---- the configuration ----

my %faults = (
	"[network\n" => 'line 1: "[network" has no ] at its end',
	"\n\n[net]\n" => 'line 3: [net] is none of [network], ',
	"[host]\n" => 'line 1: [host] is none of',
	"user = x\n" => 'line 1: user has no place in this section',
	"[host a]\nuzer = x\n" => 'line 2: uzer is no key that is known here',
	"[host a]\nregion = x\n" => 'line 2: region has no place in this section',
	"[host a]\nuser\n" => 'line 2: is neither [section] nor key = value',
	"[host a]\nuser =\n" => 'line 2: user has no value',
	"[host a]\nuser = x\nuser = y\n" => 'line 3: user comes twice',
	"[host a]\n[host A]\n" => 'line 2: a section for "A" is there already',
	"[host a]\nallow-private = maybe\n" => 'line 2: allow-private is yes or no',
	"[network]\ntimeout = 0\n" => 'line 2: timeout is a number of seconds',
	"[directory x]\n" => 'line 1: directory "x" is no absolute path',
	"[directory /a/../b]\n" => 'line 1: directory "/a/../b" is no absolute path',
	"[directory /a/.]\n" => 'line 1: directory "/a/." is no absolute path',
	"[directory /a]\nread-only = yes\n[directory //a/]\n" => 'line 3: a section for "/a" is there already',
	"[host a]\nuser = x\npassword-file = $home/none\n" => 'line 3: "' . $home . '/none": No such file',
	"[host a]\nuser = x\npassword-file = $home/readable\n" => 'line 3: anybody can read or change "',
	"[host a]\nuser = x\npassword-file = $home/empty\n" => 'line 3: "' . $home . '/empty" has nothing in its first line',
	"[host a]\nuser = x\nkey-file = $home/readable\n" => 'line 3: anybody can read or change "',
	"[host a]\nkey-file = key\n" => 'line 2: key-file is no absolute path',
	"[host a]\nca-file = $home/none\n" => 'line 2: "' . $home . '/none": No such file',
	"[credential a]\nuser = x\n" => 'line 2: [credential a] ends here without for = HOST');
write_file("$home/readable", "secret-readable\n");
write_file("$home/empty", '');
chmod 0644, "$home/readable";
chmod 0600, "$home/empty";
foreach my $text (sort keys %faults)
{
	like(told(servers_config($text), 'check', 'http://host.example/'), qr/^1 lasts: configuration file "\S+", \Q$faults{$text}\E/, "a fault: $faults{$text}");
}
my $secret = servers_config("[host a]\nuser = x\npassword = secret-inline\n");
chmod 0644, $secret;
like(told($secret, 'check', 'http://host.example/'), qr/^1 lasts: .*line 3: password is a secret, and anybody can read this file; chmod o-r it/, 'a secret that all can read');
chmod 0602, $secret;
like(told($secret, 'check', 'http://host.example/'), qr/^1 lasts: .*can be changed by anybody/, 'a file that all can change');
like(told("$home/none.conf", 'check', 'http://host.example/'), qr/^1 lasts: configuration file "\Q$home\E\/none\.conf": No such file/, 'no file');
chmod 0644, $plain;
like(told($plain, 'check', "file://$open/a"), qr/^0 /, 'one without secrets may be read');

unlike($said, qr/secret-(?!key)|word\@|X-Signature/, 'no secret was told');
done_testing();
