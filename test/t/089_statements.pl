# 3,000 random statements, half by a superuser, half by somebody who may use the schema and
# nothing more: the server stands, nothing ends in class XX, nobody is shown what he may not
# see. And 1,600 random requests, by a superuser, a writer and a reader: what is answered is
# an answer, what it says is done, and nothing else is. "make check-san" does both with more,
# under sanitizers and assertions.

use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use Store;
use Test::More;

use constant COUNT => 3_000;
use constant REQUESTS => 1_600;

my $statements = abs_path(dirname(__FILE__) . '/../fuzz/statements');
my $node = new_node('statements');
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my $log = $node->logfile;
my $out;

$node->safe_psql('postgres', 'CREATE ROLE postgres SUPERUSER LOGIN') if $superuser ne 'postgres';
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PG_CONFIG} = $node->config_data('--bindir') . '/pg_config';
$out = `$^X $statements --count @{[ COUNT ]} --seed 89 --log $log --timeout 1000`;
is($?, 0, 'no statement did harm') or diag($out);
like($out, qr/^@{[ COUNT ]} statements with seed 89 /m, 'all were run');
like($out, qr/^fuzz_anybody: .*42501 \d/m, 'some by somebody without rights');
like($out, qr/^postgres: .*23502 \d/m, 'some with them');

$out = `$^X $statements --requests --count @{[ REQUESTS ]} --seed 89 --log $log --timeout 1000`;
is($?, 0, 'no request did harm') or diag($out);
like($out, qr/^@{[ REQUESTS ]} statements with seed 89 /m, 'all were asked');
like($out, qr/^answers: .*\b$_ \d/m, "some are $_") foreach qw(DELETE-204 GET-206 GET-404 PATCH-200 PATCH-412 POST-200 POST-201 POST-400 POST-403 POST-409);

done_testing();
