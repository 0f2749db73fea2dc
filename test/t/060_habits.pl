# What the next owner relies on: the workflow names scripts and targets that are there, pages name tests that
# are there, versions agree, typedefs.list knows our types, and script/indent changes white space alone.
use strict;
use warnings;
use FindBin;
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $makefile = slurp_file("$top/Makefile");

# What says how to run something.
foreach my $file ('CONTRIBUTING.md', 'SECURITY.md', 'docs/development.md', '.github/workflows/ci.yml')
{
	# a release leaves out what is of the repository
	next if $file =~ /^\.github/ && !-e "$top/.github";
	my $text = slurp_file("$top/$file");
	my %scripts = map { $_ => 1 } $text =~ m{(?<![\w/])((?:script|test/fuzz|test/bench)/[a-z][\w-]*(?:\.sql)?)(?![\w.-]*/)}g;
	my %targets = map { $_ => 1 } $text =~ /(?:`|^ *|&& |run: |sudo )make (?:-[-\w]+ )*([a-z][a-z-]*)\b(?!=)/mg;
	my %tests = map { $_ => 1 } $text =~ /`(?:test\/(?:t|sql)\/)?(\d\d\d?_\w+)(?:\.pl|\.sql)?`/g;

	is(join(' ', grep { !-e "$top/$_" } sort keys %scripts), '', "$file: its scripts are there");
	is(join(' ', grep { !/^(?:all|install|installcheck|clean)$/ && $makefile !~ /^\Q$_\E:/m } sort keys %targets),
		'', "$file: its targets are there");
	is(join(' ', grep { !-e "$top/test/t/$_.pl" && !-e "$top/test/sql/$_.sql" && !-e "$top/sql/$_.sql" } sort keys %tests),
		'', "$file: its tests are there");
	ok(%scripts || %tests, "$file: names any");
}

my ($layout) = slurp_file("$top/docs/development.md") =~ /^ {4}script\/ (.*?)^ {4}\w/ms;
is(join(' ', grep { $layout !~ /\b\Q$_\E[,;. ]/ } map { -x $_ ? s{.*/}{}r : () } grep { -f } glob "$top/script/*"),
	'', 'development.md lists each script');

SKIP:
{
	skip 'there is no workflow here', 3 unless -e "$top/.github";
	my $workflow = slurp_file("$top/.github/workflows/ci.yml");
	my @uses = $workflow =~ /uses: (.*)/g;
	is_deeply([ grep { !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d/ } @uses ], [], 'each action is one commit');
	ok(@uses > 0, 'there are actions');
	eval { run([ 'python3', '-c', 'import yaml' ], '2>', '/dev/null') } or skip 'there is no python3-yaml', 1;
	ok(run([ 'python3', '-c', 'import sys, yaml; sys.exit(not all(j["steps"] for j in yaml.safe_load(sys.stdin)["jobs"].values()))' ],
			'<', \$workflow), 'the workflow is YAML, and each job has steps');
}

# The version, in the three places that need it.
my ($version) = slurp_file("$top/usage_mgmt.control") =~ /^default_version = '(.*)'/m;
like(slurp_file("$top/META.json"), qr/"version": "\Q$version\E\.\d+"/, 'META.json has the version');
my ($newest) = slurp_file("$top/CHANGELOG.md") =~ /^## (\S+)/m;
like($newest, qr/^\Q$version\E\.\d+$/, 'the changelog begins with it');
my @entries = split /^## /m, slurp_file("$top/CHANGELOG.md");
shift @entries;
is_deeply([ grep { !/^[\d.]+ \((?:unreleased|\d{4}-\d\d-\d\d.*)\)\n/ } @entries ], [], 'each entry has its date, or is unreleased');
pop @entries;
is_deeply([ grep { !/^Update: /m } @entries ], [], 'each but the first version says what an update takes');

# Types without which pg_bsd_indent takes a pointer for a product.
my %listed = map { $_ => 1 } split /\n/, slurp_file("$top/typedefs.list");
my $sources = join '', map { slurp_file($_) } glob "$top/src/*.[ch] $top/src/usagectl/*.[ch]";
my @ours = $sources =~ /\btypedef (?:enum|struct|union) (\w+)/g;
cmp_ok(scalar @ours, '>', 100, 'we have types');
is(join(' ', grep { !$listed{$_} } @ours), '', 'typedefs.list has each: make && script/indent --typedefs');

# What is laid out badly, and as it should be. The preprocessor, strings and comments are as they were.
SKIP:
{
	run([ 'sh', '-c', 'command -v pg_bsd_indent' ], '>', '/dev/null') or skip 'there is no pg_bsd_indent', 9;
	my ($differences, $complaint);
	ok(run([ "$top/script/indent", '--check' ], '>', \$differences, '2>', \$complaint), 'all C files are laid out: script/indent')
		or diag($differences, $complaint);
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $bad = <<'C';
#define TWICE(x) { (x),   (x) }
static text* f(UmSlice *s, int text){
  UmSlice all = {.ptr = s->ptr,.len=3};
    bool plain = s->len > 3 &&
    s->ptr != NULL;
	if(text   * 2 > 3) g((UmSlice) {s->ptr, 2},
	  (Oid[]) {1,  2}, "a {b(  c}");   /* an {orphan( */
	return (text *) s;
}
C
	my $good = <<'C';
#define TWICE(x) { (x),   (x) }
static text *
f(UmSlice *s, int text)
{
	UmSlice		all = {.ptr = s->ptr, .len = 3};
	bool		plain = s->len > 3 &&
		s->ptr != NULL;

	if (text * 2 > 3)
		g((UmSlice) {s->ptr, 2},
		  (Oid[]) {1, 2}, "a {b(  c}"); /* an {orphan( */
	return (text *) s;
}
C
	my ($out, $err);
	my $file = "$folder/sample.c";
	append_to_file($file, $bad);
	ok(!run([ "$top/script/indent", '--check', $file ], '>', \$out, '2>', \$err), 'what is laid out badly fails the check');
	like($out, qr/^\+static text \*$/m, 'and the check prints what it would be');
	is(slurp_file($file), $bad, 'but leaves it');
	ok(run([ "$top/script/indent", $file ], '2>', \$err), 'it is laid out');
	is(slurp_file($file), $good, 'as PostgreSQL does');
	ok(run([ "$top/script/indent", '--check', $file ], '>', \$out, '2>', \$err), 'and stays so');
	append_to_file($file, "int x = f((;\n");
	ok(!run([ "$top/script/indent", $file ], '>', \$out, '2>', \$err), 'what is no C is refused');
	is(slurp_file($file), "${good}int x = f((;\n", 'and left');
}

done_testing();
