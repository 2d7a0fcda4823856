# The quickstart runs from beginning to end: only what it shows to be refused is refused.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE DATABASE demo');
chdir dirname(abs_path(__FILE__)) . '/../..' or die $!;
my ($out, $err);
my $done = IPC::Run::run(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-P', 'pager=off', '-d', $node->connstr('demo'), '-f', 'docs/quickstart/demo.sql'],
	'>', \$out, '2>', \$err);
ok($done, 'it comes to its end') or diag($err);
my @errors = $err =~ /ERROR:\s+(.*)/g;
is(scalar @errors, 3, 'three things are refused') or diag($err);
like($errors[0], qr/^cannot drop column tenure/, 'a column that scores need');
like($errors[1], qr/^permission denied for table customers/, 'customers are not for the sales team');
like($errors[2], qr/^permission denied for model "churn"/, 'nor is the inside of the model');

# what the text says is so
sub value
{
	my ($sql) = @_;
	return $node->safe_psql('demo', $sql);
}
is(value(q{SELECT string_agg(version || ' ' || algorithm, ', ' ORDER BY version) FROM mlops.versions}), '1 logistic, 2 gbm', 'trees beside the logistic model');
is(value(q{SELECT version FROM mlops.deployments}), '1', 'the first model is back in Production');
is(value(q{SELECT min((metrics ->> 'recall')::float8) > 0.5 AND max((metrics ->> 'recall')::float8) FILTER (WHERE version = 2) > 0.8 FROM mlops.versions}), 't',
	'with the costs given the second misses few who leave');
my ($logistic, $gbm) = $out =~ /roc_auc\s*\|\s*([\d.]+)\s*\|\s*([\d.]+)\s*\|\s*\d\s*$/m;
cmp_ok($gbm // 0, '>=', ($logistic // 1) - 0.01, 'cross-validated, trees are no worse');
is(value(q{SELECT count(*) FROM crm.churn_scores}), '7043', 'every customer has a score');
unlike($out, qr/^-[-+]*\n\n/m, 'every query shows something');

done_testing();
