# Files from and to real servers of each protocol: whole, or not at all, whatever happens to
# server, disk and connection.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use PostgreSQL::Test::Utils;
use Remote;
use Servers;
use Test::More;
use Time::HiRes qw(sleep time);
use Usagectl;

my @missing = servers_missing(qw(nginx pure-ftpd pure-pw sshd ssh-keygen openssl));
plan skip_all => "no @missing" if @missing;

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $lines = join '', map { qq({"id":"c$_","date":"2026-02-03T04:05:06Z","type":"voice"}\n) } 1 .. 100_000;
my $file = write_file("$folder/usage.json", $lines);
my $empty = write_file("$folder/empty.json", '');
my $short = write_file("$folder/short.json", "{}\n");

my $web = web_server();
my $webs = web_server(tls => 1);
my $ftp = ftp_server();
my $ftps = ftp_server(tls => 1);
my $sftp = sftp_server();
my $s3 = s3_server();
my @servers = ($web, $webs, $ftp, $ftps, $sftp, $s3);
my $config = servers_config("[network]\ntimeout = 5\n\n[directory $folder]\n", @servers);
my @with = ('-f', $config);

sub of_sha256
{
	my ($text) = @_;

	return length($text) . ' ' . sha256_hex($text);
}

# The names in a server's folder, without those that are hidden.
sub names
{
	my ($server) = @_;

	return join ' ', map { s{.*/}{}r } grep { -f } sort glob "$server->{folder}/*";
}

# ---- 100,000 records there and back ----

foreach my $server (@servers)
{
	my $url = "$server->{url}/usage.json";
	my $name = ($url =~ s/:.*//r);
	my ($status, $out, $err) = remote(@with, 'put', $url, $file);

	is("$status $err", '0 ', "$name: put");
	($status, $out, $err) = remote(@with, '-p', 'get', $url);
	is($status, 0, "$name: got") or diag $err;
	is(of_sha256($out), of_sha256($lines), "$name: the same bytes");
	like($err, qr/^size ${\ length $lines}, /, "$name: its length is known");
	# what has the name is replaced
	($status, $out, $err) = remote(@with, 'put', $url, $short);
	is("$status $err", '0 ', "$name: put over it");
	($status, $out, $err) = remote(@with, 'get', $url);
	is("$status $out", "0 {}\n", "$name: replaced");
	($status, $out, $err) = remote(@with, 'put', "$server->{url}/empty", $empty);
	is("$status $err", '0 ', "$name: put nothing");
	($status, $out, $err) = remote(@with, 'get', "$server->{url}/empty");
	is("$status $out", '0 ', "$name: got nothing") or diag $err;
	unlink glob "$server->{folder}/*empty";
	is(names($server), $server == $s3 ? '_usage-bucket_usage.json' : 'usage.json', "$name: and nothing else is there");
}
my ($status, $out, $err) = remote(@with, 'put', "file://$folder/copy.json", $file);
is("$status $err", '0 ', 'file: put');
($status, $out, $err) = remote(@with, '-p', 'get', "file://$folder/copy.json");
is(of_sha256($out), of_sha256($lines), 'file: the same bytes');
foreach my $key ('a%20b/c+d=e&f.json', 'a%20b/%C3%A9~.json', "a(b)'c.json")
{
	($status, $out, $err) = remote(@with, 'put', "$s3->{url}/$key", $short);
	is("$status $err", '0 ', "s3: put $key");
	($status, $out, $err) = remote(@with, 'get', "$s3->{url}/$key");
	is("$status $out", "0 {}\n", "s3: got $key") or diag $err;
}

# ---- folders ----

my @strange = ('a b.json', 'a%b.json', 'a"b.json', 'a\\b.json', 'a#b.json', "\xc3\xa9.json", 'a*b.json');
foreach my $server ($ftp, $sftp, undef)
{
	my $in = ($server ? $server->{folder} : $folder) . '/in';
	my $url = $server ? "$server->{url}/in" : "file://$folder/in";
	my $name = ($url =~ s/:.*//r);

	mkdir $in;
	mkdir "$in/z.json";
	symlink "$in/a b.json", "$in/l.json";
	write_file("$in/$_", "{}\n") foreach @strange, 'other.txt', '.hidden.json', 'b.json', 'half.json.part-0123456789ab';
	($status, $out, $err) = remote(@with, 'list', "$url/*.json");
	my %listed = map { /^(.*) (-?\d+) (\S+)$/ ? ($1 => [ $2, $3 ]) : ($_ => []) } split /\n/, $out;
	is("$status " . join('|', map { (split / -?\d+ /)[0] } split /\n/, $out), '0 ' . join('|', sort @strange, 'b.json'), "$name: listed in order")
		or diag $err;
	is(join(' ', map { $listed{$_}[0] // '' } @strange), join(' ', (3) x @strange), "$name: with sizes");
	# pure-ftpd refuses a \
	delete $listed{'a\b.json'} if $server && $server != $sftp;
	foreach my $file (grep { exists $listed{$_} } 'a b.json', 'a*b.json')
	{
		($status, $out, $err) = remote(@with, 'get', $listed{$file}[1]);
		is("$status $out", "0 {}\n", "$name: $file is read by its url") or diag $err;
	}
	($status, $out, $err) = remote(@with, 'list', "$url/a%2A*.json");
	like($out, qr/\Aa\*b\.json \S+ \S+\n\z/, "$name: an encoded * is one");
	($status, $out, $err) = remote(@with, 'list', "$url/?.json");
	like($out, qr/\Ab\.json \S+ \S+\n\z/, "$name: a ? is any character");
	($status, $out, $err) = remote(@with, 'list', "$url/none*");
	is("$status $out", '0 ', "$name: nothing is nothing");
	($status, $out, $err) = remote(@with, 'list', "$url/../*");
	like($err, qr/^lasts: .*"\.\."/, "$name: no ..");
	($status, $out, $err) = remote(@with, 'list', "$url/gone/*");
	is($status, 1, "$name: a folder that is not there") or diag $err;
	foreach my $file (grep { /[^\w.]/ } sort keys %listed)
	{
		($status, $out, $err) = remote(@with, 'rename', $listed{$file}[1], "$file.done");
		ok($status == 0 && -f "$in/$file.done" && !-e "$in/$file", "$name: $file is renamed") or diag $err;
	}
	write_file("$in/b.json.done", 'old');
	($status, $out, $err) = remote(@with, 'rename', "$url/b.json", 'b.json.done');
	is("$status " . slurp_file("$in/b.json.done"), "0 {}\n", "$name: one of that name is replaced") or diag $err;
	($status, $out, $err) = remote(@with, 'remove', "$url/b.json.done");
	ok($status == 0 && !-e "$in/b.json.done", "$name: removed") or diag $err;
	($status, $out, $err) = remote(@with, 'remove', "$url/b.json.done");
	isnt($status, 0, "$name: it is not there any more");
	($status, $out, $err) = remote(@with, 'rename', "$url/other.txt", '../other.txt');
	like($err, qr/^lasts: .*no name of a file/, "$name: it stays in its folder");
}

# ---- a large file, and a reader that is slow ----

my $large = write_file("$folder/large", '');
my $much = 150 * 1024 * 1024;
truncate $large, $much;
foreach my $server ($web, $ftp, $sftp)
{
	my $name = $server->{name};
	link $large, "$server->{folder}/large" or die "link: $!";
	my $run = remote_begun(@with, '-p', 'get', "$server->{url}/large");

	sysread $run->{out}, my $first, 1;
	# the server's time does not run while nobody reads
	sleep 0.5;
	($status, $out, $err) = remote_ended($run);
	is("$status " . length $out, '0 ' . ($much - 1), "$name: all of a large one");
	my ($memory) = $err =~ /, (\d+) kB/;
	cmp_ok($memory, '<', 32 * 1024, "$name: in so many kB");
	unlink "$server->{folder}/large";
}

# ---- a file that is changed while it is read ----

foreach my $server ($web, $ftp, $sftp, undef)
{
	my $in = $server ? $server->{folder} : $folder;
	my $url = ($server ? $server->{url} : "file://$folder") . '/growing';
	my $name = $server ? $server->{name} : 'file';

	write_file("$in/growing", $lines);
	my $run = remote_begun(@with, 'get', $url);
	sysread $run->{out}, my $first, 1;
	append_to_file("$in/growing", 'more');
	($status, $out, $err) = remote_ended($run);
	is($status, 3, "$name: one that grows is trouble that passes");
	like($err, qr/was changed while it was read|was answered 426|partial file/, "$name: and says so");
	write_file("$in/growing", $lines);
	$run = remote_begun(@with, 'get', $url);
	sysread $run->{out}, $first, 1;
	truncate "$in/growing", length($lines) - 1000;
	($status, $out, $err) = remote_ended($run);
	is($status, 3, "$name: one that shrinks, too") or diag $err;
	unlink "$in/growing";
}
my $begun = time;
write_file("$folder/new", "{}\n");
($status, $out, $err) = remote(@with, '-p', 'get', "file://$folder/new");
is("$status $out", "0 {}\n", 'file: one that was written just now');
cmp_ok(time - $begun, '>=', 0.9, 'is waited for');

# ---- servers that are killed, and disks that are full ----

sub parts
{
	my ($in) = @_;

	return grep { -s } glob "$in/*.part-*";
}

foreach my $server ($web, $ftp, $ftps, $sftp)
{
	my $name = $server->{url} =~ s/:.*//r;
	my $url = "$server->{url}/killed";

	link $large, "$server->{folder}/large" or die "link: $!";
	my $run = remote_begun(@with, 'get', "$server->{url}/large");
	sysread $run->{out}, my $first, 1;
	server_kill($server);
	($status, $out, $err) = remote_ended($run);
	is($status, 3, "$name: killed while it is read from is trouble that passes") or diag $err;
	cmp_ok(length $out, '<', $much - 1, "$name: not all of it was there");
	unlink "$server->{folder}/large";
	($status, $out, $err) = remote(@with, 'get', $url);
	is($status, 3, "$name: that nobody is there passes") or diag $err;

	server_again($server);
	$run = remote_begun(@with, '-t', 'order', 'put', $url, $large);
	my $until = time + 20;
	sleep 0.005 until parts($server->{folder}) || ($server == $web && grep { -s } glob "$server->{home}/temp/*") || time > $until;
	server_kill($server);
	($status, $out, $err) = remote_ended($run);
	is($status, 3, "$name: killed while it is written to is trouble that passes") or diag $err;
	ok(!-e "$server->{folder}/killed", "$name: no half file has the name");
	server_again($server);
	($status, $out, $err) = remote(@with, '-t', 'order', 'put', $url, $file);
	is("$status $err", '0 ', "$name: the next attempt");
	is(-s "$server->{folder}/killed", length $lines, "$name: is whole");
	is(join(' ', parts($server->{folder})), '', "$name: and nothing is left of the one before");

	server_stop($server);
	$server->{largest} = 4096;
	server_again($server);
	($status, $out, $err) = remote(@with, 'put', "$server->{url}/full", $large);
	is($status, 3, "$name: a full disk is trouble that passes") or diag $err;
	ok(!-e "$server->{folder}/full", "$name: nothing has the name");
	is(join(' ', parts($server->{folder})), '', "$name: and nothing is left");
}
{
	my $err = '';

	IPC::Run::run([ 'sh', '-c', q(trap '' XFSZ; ulimit -f 4096; "$@"), 'sh', remote_program(), @with, 'put', "file://$folder/full", $large ],
		'2>', \$err);
	like($err, qr/^passes: .*could not be written: /, 'file: a full disk');
	is(join(' ', glob "$folder/full*"), '', 'file: leaves nothing');
}
done_testing();
