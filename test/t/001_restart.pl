# The library loads in a server that was stopped hard, and in its standby.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main', allows_streaming => 1);
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');
my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'mlops'});
is($node->safe_psql('postgres', 'SELECT mlops.version()'), $version, 'the library has the version of the extension');

$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT mlops.version()'), $version, 'after a crash');

$node->backup('base');
my $standby = MlopsTest::standby($node, 'base', 'standby');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT mlops.version()'), $version, 'on a standby');

done_testing();
