# MlopsTest: servers for the tests in test/t, on top of PostgreSQL::Test::Cluster (see its documentation for what a node
# can do: psql, safe_psql, background_psql, poll_query_until, backup, stop('immediate'), …).
package MlopsTest;

use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $root = dirname(abs_path(__FILE__)) . '/../../..';

# node(NAME, %init): a started server; %init goes to its init (allows_streaming => 1, …)
sub node
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ], %init);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\nmax_worker_processes = 8\nmax_parallel_workers = 4\n");
	$node->start;
	return $node;
}

# standby(PRIMARY, BACKUP, NAME): a started streaming standby made from a backup of PRIMARY
sub standby
{
	my ($primary, $backup, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, $backup, has_streaming => 1);
	$node->start;
	return $node;
}

# load_data(NODE, DATABASE): the tables of test/data/load.sql
sub load_data
{
	my ($node, $database) = @_;
	my $here = Cwd::getcwd();
	chdir $root or die;
	$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', 'test/data/load.sql' ],
		'test data loaded');
	chdir $here or die;
	return;
}

1;
