# The pages of docs/ whose commands are run: their blocks, and how one ends.

package Page;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Run ();
use Store;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(page_blocks complaint);

# [section, why it is not run, language, text] of each block in one of these languages
sub page_blocks
{
	my ($name, @languages) = @_;
	my $page = slurp_file("$FindBin::Bin/../../docs/$name");
	my $language = join '|', @languages;
	my $section = '';
	my @blocks;

	while ($page =~ /\G.*?^(?:##+ (.*?)$|(?:<!-- not run: (.*?) -->\n)?```($language)\n(.*?)^```$)/gcms)
	{
		$section = $1, next if defined $1;
		push @blocks, [ $section, $2, $3, $4 ];
	}
	pos($page) = 0;
	die "a block of $name was passed over" if @blocks != (() = $page =~ /^```(?:$language)$/mg);
	return @blocks;
}

# What a command says when it fails or warns; nothing is all that is well. What it prints is left in a scalar, if there is one.
sub complaint
{
	my ($node, $database, $folder, $language, $commands, $said) = @_;
	my ($out, $err) = ('', '');
	my @shell = $language eq 'sh' ? ('bash', '-e', '-c', "cd '$folder'\n$commands")
		: (program($node, 'psql'), '-X', '-v', 'ON_ERROR_STOP=1');

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $database,
		PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	IPC::Run::run(\@shell, '<', $language eq 'sh' ? \'' : \$commands, '>', \$out, '2>', \$err)
		or return "status $?: $err";
	$$said = $out . $err if $said;
	return $err =~ /^.*(?:WARNING|ERROR|FATAL):.*/m ? $& : '';
}

1;
