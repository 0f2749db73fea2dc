# Files from and to real servers of each protocol: whole, or not at all, whatever happens to
# server, disk and connection.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
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
	is(names($server), $server == $s3 ? '_usage-bucket_usage.json' : 'usage.json', "$name: and nothing else is there");
}
my ($status, $out, $err) = remote(@with, 'put', "file://$folder/copy.json", $file);
is("$status $err", '0 ', 'file: put');
($status, $out, $err) = remote(@with, '-p', 'get', "file://$folder/copy.json");
is(of_sha256($out), of_sha256($lines), 'file: the same bytes');
done_testing();
