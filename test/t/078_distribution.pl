# What is given away: META.json for PGXN, debian/, the Dockerfile, and what make installs.

use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $semver = qr/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
my $meta = decode_json(slurp_file('META.json'));
my ($version) = slurp_file('usage_mgmt.control') =~ /^default_version = '(.*)'$/m;
my $dockerfile = slurp_file('Dockerfile');
my $control = slurp_file('debian/control');
my $destination = PostgreSQL::Test::Utils::tempdir();

# The names in a text that are one's per line, or more, but for options.
sub words
{
	my ($text) = @_;

	return sort grep { /^[a-z]/ } split /[\s,\\]+/, $text;
}

# What make installs below the destination, as paths of a machine.
sub installed
{
	my @files = split /\n/, `cd '$destination' && find . ! -type d`;

	return sort map { s/^\.//r } @files;
}

sub make
{
	my ($goal, @variables) = @_;

	return system_log('make', '-s', $goal, "DESTDIR=$destination", @variables);
}

# META.json, after PGXN's Meta Spec 1.0.0
is_deeply([ grep { !defined $meta->{$_} } qw(name version abstract maintainer license provides meta-spec) ], [],
	'META.json has all that a distribution must have');
like($meta->{version}, $semver, 'and a semantic version');
like($meta->{release_status}, qr/^(?:stable|testing|unstable)$/, 'a status');
is($meta->{'meta-spec'}{version}, '1.0.0', 'the version of the specification');
is_deeply([ keys %{ $meta->{provides} } ], ['usage_mgmt'], 'the extension');
is($meta->{provides}{usage_mgmt}{version}, $meta->{version}, 'in the version of the distribution');
like($meta->{version}, qr/^\Q$version\E\.\d/, 'which is one of the control file');
ok(-f $meta->{provides}{usage_mgmt}{$_}, "$_ of the extension is there") for qw(file docfile);
ok(-e $_, "$_, which is not indexed, is there") for @{ $meta->{no_index}{directory} }, @{ $meta->{no_index}{file} };
SKIP:
{
	skip 'no validate_pgxn_meta', 1 if system('command -v validate_pgxn_meta > /dev/null') != 0;
	is(system_log('validate_pgxn_meta', 'META.json'), 0, "PGXN's validator takes it");
}

# debian/
like(slurp_file('debian/changelog'), qr/^usage-mgmt \(\Q$meta->{version}\E\) /, 'the package has the version of META.json');
is($control, slurp_file('debian/control.in') =~ s/PGVERSION/15/gr, 'debian/control is made from control.in');
ok(-f "debian/tests/$_" && -x _, "debian/tests/$_ can be run") for slurp_file('debian/tests/control') =~ /^Tests: (.*)$/mg;
for my $file (map { glob } map { /(\S+)/ } map { split /\n/, slurp_file("debian/usagectl.$_") } qw(install manpages docs examples))
{
	ok(-e $file, "$file is there to be packed");
}

# The Dockerfile
my ($build, $run) = map { [ words($_) ] } $dockerfile =~ /--no-install-recommends \\\n(.*?)(?: &&|\n[A-Z])/sg;
my ($needed) = $control =~ /^Build-Depends:\n(.*?)^\S/ms;
is_deeply([ grep { !/^(?:gcc|libc6-dev|make|postgresql-server-dev-15)$/ } @$build ],
	[ grep { !/^(?:debhelper|postgresql-server-dev)/ } words($needed =~ s/\(.*?\)//gr) ],
	'the image is built with what the packages are built with');
like($dockerfile, qr/^RUN make && make install DESTDIR=(\S+)\n.*^COPY --from=build \1 \/\n/ms, 'by make, and it takes what make installs');
SKIP:
{
	my $debian = -f '/etc/os-release' ? slurp_file('/etc/os-release') : '';
	my ($suite) = $debian =~ /^VERSION_CODENAME=(\S+)/m;
	my (%exists, %owner);

	skip 'this is not the Debian of the image', 2 if ($suite // '') ne 'bookworm';
	%exists = map { $_ => 1 } split /\n/, `apt-cache pkgnames`;
	skip 'apt has no lists here', 2 if !$exists{hello};
	is_deeply([ grep { !$exists{$_} } @$build, @$run ], [], 'all its packages exist');
	for my $program ('usage_mgmt.so', 'usagectl')
	{
		my $needed = `objdump -p $program`;
		my $found = `ldd $program`;

		for my $library ($needed =~ /NEEDED\s+(\S+)/g)
		{
			my ($path) = $found =~ m{^\s*\Q$library\E => \S*?(/[^/]+/\Q$library\E) }m or next;

			$owner{$1} = 1 if `dpkg -S '*$path'` =~ /^([^:]+):/;
		}
	}
	delete $owner{libc6};
	is_deeply($run, [ sort keys %owner ], 'and it has the libraries that the extension and usagectl are linked to');
}

# What make installs goes where it is told, and goes away
is(make('install', 'bindir=/usr/local/bin', 'mandir=/usr/local/share/man'), 0, 'make install');
my $all = join "\n", installed();
like($all, qr{^/usr/local/bin/usagectl$}m, 'usagectl is in bindir');
like($all, qr{^/usr/local/share/man/man1/usagectl\.1$}m, 'its manual in mandir');
like($all, qr{/extension/usage_mgmt\.control$}m, 'the extension where its server looks');
like($all, qr{/extension/usage_mgmt--\Q$_\E\.sql$}m, "with the script $_") for $version, map { m{--(.*)\.sql} } glob 'sql/usage_mgmt--*.sql';
is(make('uninstall', 'bindir=/usr/local/bin', 'mandir=/usr/local/share/man'), 0, 'make uninstall');
is_deeply([ installed() ], [], 'leaves nothing');

done_testing();
