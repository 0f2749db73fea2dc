# The pages of docs/: their blocks, run in the order of the page, and what they print compared with what the page shows.

package Page;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Run ();
use JSON::PP ();
use Store;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(page_blocks run_page complaint);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# [section, why it is not run, language, text] of each block. One that is indented is of the language "console" where it begins
# with a prompt, else "indented".
sub all_blocks
{
	my ($name) = @_;
	my @lines = split /^/, slurp_file("$FindBin::Bin/../../docs/$name");
	my ($section, $after, $why, @blocks) = ('', "\n");

	while (defined(my $line = shift @lines))
	{
		my ($language, $text);

		if ($line =~ /^```(\w*)$/)
		{
			($language, $text) = ($1, '');
			$text .= shift @lines while @lines && $lines[0] ne "```\n";
			shift @lines // die "$name: a block has no end";
		}
		elsif ($line =~ /^ {4}/ && ($after eq "\n" || defined $why))
		{
			$text = $line;
			$text .= shift @lines while @lines && $lines[0] =~ /^(?: {4}|$)/;
			$text =~ s/^ {4}//mg;
			$language = $text =~ /^\$ / ? 'console' : 'indented';
		}
		push @blocks, [ $section, $why, $language, $text =~ s/\n+\z/\n/r ] if defined $text;
		die "$name: what is not run does not stand below \"$why\"" if defined $why && !defined $text;
		$section = $1 if $line =~ /^##+ (.*)/;
		$why = $line =~ /^<!-- not run: (.*) -->$/ ? $1 : undef;
		$after = $line;
	}
	return @blocks;
}

# The same of those that can be run or compared. Where languages are named, a block of any other must be marked.
sub page_blocks
{
	my ($name, @languages) = @_;
	my %known = map { $_ => 1 } @languages;
	my @blocks = grep { $_->[2] ne 'indented' } all_blocks($name);

	foreach (@languages ? grep { !$known{ $_->[2] } && !defined $_->[1] } @blocks : ())
	{
		die "$name, $_->[0]: a block of \"$_->[2]\" was passed over";
	}
	return @languages ? grep { $known{ $_->[2] } } @blocks : @blocks;
}

# Runs a page. A block of sql or sh complains of nothing, unless it lets psql go on after an error, as it shows one then; a block of text
# or json behind it is what it printed. Of these there may be
#   folder            where commands are run
#   here              the page's text, and its language, as it can be run here
#   there             what came of it, as the page has it
#   with -> language  who else runs a block: gets its text, a scalar for what is printed, and the section; gives what complaint() does; undef runs nothing
#   after             is called with section, text and output behind each; what is false ends the page
# Gives how many were run, and how many were not.
sub run_page
{
	my ($node, $database, $name, %how) = @_;
	my $folder = $how{folder} // PostgreSQL::Test::Utils::tempdir();
	my ($last, $said, %count) = ('', '', run => 0, left => 0);

	foreach (page_blocks($name))
	{
		my ($section, $why_not, $language, $text) = @$_;

		if (defined $why_not)
		{
			note("$section: not run, $why_not");
			undef $said;
			$count{left}++;
			next;
		}
		if ($language =~ /^(?:text|json)$/)
		{
			is(shown($language, $how{there} ? $how{there}->($said) : $said), shown($language, $text), "$section: what comes of $last") if defined $said;
			next;
		}
		($last) = $text =~ /^((?!SET ROLE).*)/m;
		undef $said;
		my $here = $how{here} ? $how{here}->($text, $language) : $text;
		if (my $run = $how{with}{$language} // { sql => 1, sh => 1 }->{$language})
		{
			my $complaint = ref $run ? $run->($here, \$said, $section)
				: complaint($node, $database, $folder, $language, $here, \$said);

			next if !defined $complaint;
			$text =~ /ON_ERROR_STOP off/ ? like($complaint, qr/ERROR/, "$section: $last") : is($complaint, '', "$section: $last");
			$count{run}++;
			last if $how{after} && !$how{after}->($section, $text, $said // '');
			next;
		}
		fail("$section: nobody runs a block of \"$language\"");
	}
	return @count{qw(run left)};
}

# An output as it is compared: JSON as such, of psql's neither blanks at the ends of lines nor what counts the rows above it, and no times.
sub shown
{
	my ($language, $text) = @_;

	return $json->encode($json->decode($text)) if $language eq 'json';
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\b\d+\.\d s\b/0.0 s/g;
	$text =~ s/^(?:\(\d+ rows?\)|SET|You are now connected .*)\n//mg;
	return $text =~ s/\n+\z//r;
}

# What a command says when it fails or warns; nothing is all that is well. What it prints is left in a scalar, if there is one.
sub complaint
{
	my ($node, $database, $folder, $language, $commands, $said) = @_;
	my ($out, $err) = ('', '');
	my @shell = $language eq 'sh' ? ('bash', '-e', '-c', "cd '$folder'\n$commands")
		: (program($node, 'psql'), '-X', '-v', 'ON_ERROR_STOP=1');

	local %ENV = environment($node, $database);
	IPC::Run::run(\@shell, '<', $language eq 'sh' ? \'' : \$commands, '>', \$out, '2>', \$err)
		or return "status $?: $err";
	$$said = $out . $err if $said;
	return $err =~ /^.*(?:WARNING|ERROR|FATAL):.*/m ? $& : '';
}

sub environment
{
	my ($node, $database) = @_;

	return (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $database,
		PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
}

1;
