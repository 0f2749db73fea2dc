# docs/jobs.md: every command of it works, in the order of the page, and gives what the page says.

use strict;
use warnings;
use FindBin;
use IPC::Run;
use Page;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Store;
use Test::More;

done_testing();
