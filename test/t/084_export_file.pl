# The file that an export is written to, as a shell's > has it: pipes, devices and links are written through, a file
# keeps its owner, mode and other names; but it is replaced whole or not at all.

use strict;
use warnings;
use Fcntl ':mode';
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Store;
use Test::More;
use Usagectl;

my $RECORDS = 5000;				# more than a pipe holds
my $node = new_node('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $db = 'store';
my ($status, $out, $err);

new_store($node, $db);
usagectl($node, $db, 'import', write_file("$folder/in.nd", join '', map { sprintf "%s\n", record(sprintf 'e%04d', $_) } 1 .. $RECORDS));
umask 027;
my $whole = exported('-q', 'sort=id');

# What a command line gives to its standard output.
sub exported
{
	my ($status, $out) = usagectl($node, $db, 'export', @_);

	return $out;
}

# By a shell that has usagectl in its path: exit status of the line, standard output, standard error.
sub shell
{
	my ($line) = @_;
	my ($said, $complained) = ('', '');

	local %ENV = (Usagectl::environment($node, $db), PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	# as a shell has it that nobody keeps from it
	local $SIG{PIPE} = 'DEFAULT';
	IPC::Run::run([ 'bash', '-c', $line ], '<', \undef, '>', \$said, '2>', \$complained);
	return ($? & 127 ? -($? & 127) : $? >> 8, $said, $complained);
}

sub mode
{
	my ($name) = @_;

	return sprintf '%04o', S_IMODE((lstat $name)[2]);
}

# Nothing beside the file is left, whatever became of it.
sub is_alone
{
	my ($name, $what) = @_;

	return is(join(' ', glob "$name.*"), '', $what // 'nothing is left beside it');
}

# All records, and nothing else; to show them would help nobody.
sub is_whole
{
	my ($content, $what) = @_;

	return ok($content eq $whole, $what) || diag(length($content) . ' bytes instead of ' . length $whole);
}

sub export_to
{
	my ($name, @options) = @_;

	return usagectl($node, $db, 'export', '-q', 'sort=id', @options, $name);
}

is(scalar(split /\n/, $whole), $RECORDS, 'there is something to export');

# ---- files ----

my $file = "$folder/out.nd";
($status, $out, $err) = export_to($file);
like("$status $out$err", qr/^0 \Q$file\E: $RECORDS records, @{[ length $whole ]} bytes \([\d.]+ s\)\n$/, 'a new file, and what was written');
is_whole(slurp_file($file), 'has all records');
is(mode($file), '0640', 'and the mode that a new file gets');
is_alone($file);
is_deeply(decode_json((export_to($file, '--json'))[1]), { records => $RECORDS, bytes => length $whole }, 'the same as JSON');

foreach my $mode ('0600', '0666', '0755', '0200')
{
	my $inode = (stat $file)[1];

	write_file($file, 'before');
	chmod oct $mode, $file;
	($status) = export_to($file);
	is("$status " . mode($file), "0 $mode", "a file of mode $mode keeps it");
	isnt((stat $file)[1], $inode, 'and is another one, whole at once');
}
chmod 04755, $file;
export_to($file);
is(mode($file), '0755', 'but what is to run as its owner does so no more, as after any write');
my ($group) = grep { $_ != (split ' ', $()[0] } split ' ', $(;
SKIP:
{
	skip 'the user is in one group alone', 1 if !defined $group;
	chown -1, $group, $file or die "chown: $!";
	export_to($file);
	is((stat $file)[5], $group, 'a file keeps its group');
}

my $long = "$folder/" . 'n' x 255;
($status) = export_to($long);
is($status, 0, 'a new file with as long a name as there is');
is_whole(slurp_file($long), 'has all records');
unlink $long;

# What may not be written is not.
write_file($file, 'before') && chmod 0400, $file;
SKIP:
{
	skip 'root may write all', 2 if $> == 0;
	($status, $out, $err) = export_to($file);
	like("$status $out$err", qr/^2 usagectl: could not write "\Q$file\E": Permission denied\n\z/, 'a file that may not be written');
	is(slurp_file($file), 'before', 'stays as it is');
}
unlink $file;
foreach my $wrong ([ "$folder/none/out.nd", 'No such file or directory' ], [ $folder, 'Is a directory' ], [ "$folder/in.nd/out.nd", 'Not a directory' ],
	[ '', 'No such file or directory' ], [ '/dev/fd/99', 'Bad file descriptor' ], [ '/dev/full', 'No space left on device' ])
{
	my ($name, $why) = @$wrong;

	($status, $out, $err) = export_to($name);
	is("$status $out$err", qq(2 usagectl: could not write "$name": $why\n), qq("$name": $why));
}

# ---- what is written in place: all at once, behind the last record ----

write_file($file, 'before');
link $file, "$folder/second" or die "link: $!";
my $inode = (stat $file)[1];
($status) = export_to($file);
is("$status " . (stat $file)[1], "0 $inode", 'a file with another name stays the same file');
is_whole(slurp_file("$folder/second"), 'under both');
is_alone($file);
unlink "$folder/second";

mkdir "$folder/small";
SKIP:
{
	skip 'no file system of our own', 2 if system('unshare -rm true 2> /dev/null') != 0;
	($status, $out, $err) = shell(qq{unshare -rm sh -c "mount -t tmpfs -o size=200k none $folder/small && cd $folder/small && echo before > out.nd
		ln out.nd second; usagectl export out.nd || echo failed; head -n 1 second"});
	is($out, "failed\nbefore\n", 'one that the disk has no room for stays as it is');
	is($err, qq(usagectl: could not write "out.nd": No space left on device\n), 'which is said');
}

SKIP:
{
	skip 'no setfacl that works here', 2 if system("setfacl -m u:nobody:rw $file 2> $folder/said") != 0;
	($status) = export_to($file);
	is($status, 0, 'a file with an ACL');
	like(`getfacl -p $file`, qr/^user:nobody:rw-$/m, 'keeps it');
}

SKIP:
{
	skip 'root may write all', 3 if $> == 0;
	mkdir "$folder/closed";
	write_file("$folder/closed/out.nd", 'before' x 1_000_000);
	chmod 0555, "$folder/closed";
	($status) = export_to("$folder/closed/out.nd");
	is($status, 0, 'a file in a folder that takes no new one');
	is_whole(slurp_file("$folder/closed/out.nd"), 'is written, and ends where the records do');
	($status, $out, $err) = export_to("$folder/closed/new.nd");
	like("$status $err", qr/^2 .*Permission denied/, 'and no new one is made there');
	chmod 0755, "$folder/closed";
}

# ---- links ----

mkdir "$folder/elsewhere";
write_file("$folder/elsewhere/target.nd", 'before');
chmod 0604, "$folder/elsewhere/target.nd";
symlink 'elsewhere/target.nd', "$folder/one" or die "symlink: $!";
symlink "$folder/one", "$folder/two" or die "symlink: $!";
foreach my $name ("$folder/one", "$folder/two", "file://$folder/two")
{
	write_file("$folder/elsewhere/target.nd", 'before');
	($status) = export_to($name);
	is("$status " . mode("$folder/elsewhere/target.nd"), '0 0604', "$name: what the link leads to");
	is_whole(slurp_file("$folder/elsewhere/target.nd"), 'is written');
	is(readlink("$folder/one"), 'elsewhere/target.nd', 'and the link is one still');
	is_alone("$folder/elsewhere/target.nd");
}
symlink 'elsewhere/new.nd', "$folder/dangling" or die "symlink: $!";
($status) = export_to("$folder/dangling");
is($status, 0, 'a link that leads to no file yet');
is_whole(slurp_file("$folder/elsewhere/new.nd"), 'makes it');
ok(-l "$folder/dangling", 'and stays');
symlink 'circle', "$folder/circle" or die "symlink: $!";
($status, $out, $err) = export_to("$folder/circle");
like("$status $err", qr/^2 .*Too many levels of symbolic links/, 'links in a circle');
symlink 'nowhere/new.nd', "$folder/nothing" or die "symlink: $!";
($status, $out, $err) = export_to("$folder/nothing");
like("$status $err", qr/^2 .*No such file/, 'a link into a folder that there is not');

# ---- pipes, devices, what is open already ----

my $fifo = "$folder/fifo";
POSIX::mkfifo($fifo, 0600) or die "mkfifo: $!";
($status, $out, $err) = shell("cat $fifo > $folder/through & usagectl export -q sort=id $fifo; s=\$?; wait; exit \$s");
like("$status $out", qr/^0 \Q$fifo\E: $RECORDS records/, 'a pipe that has a name');
is_whole(slurp_file("$folder/through"), 'takes all records');
ok(-p $fifo, 'and is a pipe still');
is(mode($fifo), '0600', 'as it was');
($status, $out, $err) = shell("usagectl export -q sort=id /dev/null");
like("$status $out", qr{^0 /dev/null: $RECORDS records}, 'a device');
ok(-c '/dev/null', 'is one still');
foreach my $name ('-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', "$folder/stdout")
{
	symlink '/dev/stdout', "$folder/stdout" if $name eq "$folder/stdout";
	($status, $out, $err) = shell("usagectl export -q sort=id $name");
	is_whole($out, "$name is standard output");
	like($err, qr/^\Q$name\E: $RECORDS records/, 'which has the records and nothing else');
}
($status, $out, $err) = shell("echo before > $file; usagectl export -q sort=id /dev/stdout >> $file");
is_whole(slurp_file($file) =~ s/\Abefore\n//r, 'what a shell appends to is appended to');
($status, $out, $err) = shell("usagectl export -q sort=id >(cat > $folder/substituted); wait");
is_whole(slurp_file("$folder/substituted"), 'a process in the place of a file');
($status, $out, $err) = shell("usagectl export -q sort=id /dev/fd/5 5> $file");
is_whole(slurp_file($file), 'a descriptor by its number');

# What is closed is not the connection to the server, though that would have its number.
foreach my $closed ([ 'export >&-', 'could not write "-": Bad file descriptor' ], [ 'import - <&-', '-: Bad file descriptor' ],
	[ "import $folder/in.nd >&-", 'could not write all of it to standard output' ], [ 'jobs --once > /dev/full', 'could not write all of it to standard output' ])
{
	my ($line, $why) = @$closed;

	($status, $out, $err) = shell("usagectl $line");
	is("$status $out$err", "2 usagectl: $why\n", "usagectl $line" =~ s/\Q$folder\E/FOLDER/r);
}
unlike(slurp_file($node->logfile), qr/invalid frontend message/, 'of which the server hears nothing');

# Who reads has enough.
($status, $out, $err) = shell('usagectl export -q sort=id | head -n 1; exit ${PIPESTATUS[0]}');
is("$status $out", '2 ' . $whole =~ s/\n.*/\n/sr, 'one that reads one line and goes');
is($err, "usagectl: standard output: whoever read it stopped before the end\n", 'is told of in one line');

# ---- broken off ----

# Has that done to an export that waits for a lock, and gives how it ended and what it said.
sub export_broken
{
	my ($break, $name) = @_;
	my $blocker = blocked($node, $db, 'LOCK usage_mgmt.usage');
	my @result = broken($node, $db, $break, 'export', $name);

	freed($blocker);
	return @result;
}

foreach my $signal ([ INT => 2 ], [ TERM => 15 ], [ HUP => 1 ])
{
	my ($name, $number) = @$signal;

	write_file($file, 'before');
	($status, $out, $err) = export_broken(sub { is(scalar(my @beside = glob "$file.??????"), 1, 'a file beside it'); $_[0]->signal($name) }, $file);
	is($status, -$number, "SIG$name ends an export as it ends others");
	is("$out$err", "usagectl: $file: interrupted: nothing of it was written\n", 'with one line');
	is(slurp_file($file), 'before', 'and the file is what it was');
	is_alone($file);
}
($status, $out, $err) = export_broken(sub { $_[0]->signal('INT') }, '-');
is("$status $err", "-2 usagectl: -: interrupted: what was written is not whole\n", 'of a pipe it says that what was written is not whole');
($status, $out, $err) = export_broken(sub { $node->safe_psql($db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usagectl'}) }, $file);
is($status, 2, 'a connection that is lost');
is(slurp_file($file), 'before', 'leaves the file what it was');
is_alone($file);

# Elsewhere nothing is begun before all of it is here; then it is given up in order.
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "could not listen: $!";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/out.nd';

# Has an export sent a signal once its request has come, and takes what follows, if it is to.
sub received
{
	my ($signal, $takes) = @_;
	my ($said, $complained, $request, $body) = ('', '', '', '');
	my %before = %ENV;

	local %ENV = Usagectl::environment($node, $db);
	my $run = IPC::Run::start([ program($node, 'usagectl'), 'export', '-q', 'sort=id', $url ], '<', \undef, '>', \$said, '2>', \$complained);
	%ENV = %before;
	my $client = $listener->accept;
	1 while $request !~ /\r\n\r\n/ && sysread $client, $request, 1, length $request;
	$run->signal($signal);
	if ($takes)
	{
		syswrite $client, "HTTP/1.1 100 Continue\r\n\r\n" if $request =~ /^Expect:/mi;
		1 while length $body < length $whole && sysread $client, $body, 65536, length $body;
		syswrite $client, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
	}
	$run->finish;
	my $ended = $run->full_result;
	return ($ended & 127 ? -($ended & 127) : $ended >> 8, $said, $complained, $body);
}

($status, $out, $err) = export_broken(sub { $_[0]->signal('INT') }, $url);
is("$status $out$err", "-2 usagectl: $url: interrupted: nothing of it was written\n", 'an export elsewhere that waits for the server is over at once, too');
($status, $out, $err) = received('INT');
like("$status $out$err", qr/^-2 usagectl: \Q$url\E: .* given up\n\z/, 'one that is under way there is given up');
{
	local $SIG{HUP} = 'IGNORE';
	($status, $out, $err, my $body) = received('HUP', 'takes');
	like("$status $out$err", qr/^0 \Q$url\E: $RECORDS records/, 'but not by a signal that it is to ignore');
	is_whole($body, 'and all of it comes');
}

# In the middle of it: whoever reads is slow, and the session goes.
usagectl($node, $db, 'import', write_file("$folder/more.nd", join '', map { sprintf "%s\n", record(sprintf 'm%05d', $_) } 1 .. 50_000));
{
	my $complained = '';
	my %before = %ENV;

	local %ENV = Usagectl::environment($node, $db);
	my $run = IPC::Run::start([ program($node, 'usagectl'), 'export', $fifo ], '<', \undef, '>', '/dev/null', '2>', \$complained);
	%ENV = %before;
	open my $reader, '<', $fifo or die "$fifo: $!";
	sysread $reader, my $some, 100;
	$node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'usagectl' AND wait_event = 'ClientWrite'});
	$node->safe_psql($db, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usagectl'});
	1 while sysread $reader, $some, 65536;
	$run->finish;
	is($run->full_result >> 8, 2, 'a connection that is lost in the middle');
	like($complained, qr/\nusagectl: \Q$fifo\E: not done: what was written is not whole\n\z/, 'and what that means for what was written');
}

# ---- the bar ----

sub on_terminal
{
	my ($command) = @_;

	return (shell("script -qec '$command' /dev/null"))[1];
}

like(on_terminal("usagectl export $file"), qr/\rout\.nd  \[/, 'the bar of an export names its file');
like(on_terminal("usagectl export > $file"), qr/\rstandard output  \[/, 'or standard output');
like(on_terminal("usagectl export file://$folder/of%20url.nd"), qr/\rof url\.nd  \[/, 'or the last of a url');
ok(on_terminal('usagectl export') !~ /standard output/, 'and is not among the records');

done_testing();
