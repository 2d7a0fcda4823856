# Every SQL statement of the README and of the reference pages runs, in order, one database for each page.
use strict;
use warnings;
use File::Basename;
use Cwd 'abs_path';
use MlopsTest;
use Test::More;

my $root = dirname(abs_path(__FILE__)) . '/../..';
my $node = MlopsTest::node('main');
my $setup = 0;

$node->safe_psql('postgres', 'CREATE DATABASE template_docs');
MlopsTest::load_data($node, 'template_docs');
$node->safe_psql('template_docs', 'CREATE EXTENSION mlops');

for my $page ("$root/README.md", sort glob "$root/docs/*.md")
{
	open my $file, '<', $page or die "$page: $!";
	my $text = do { local $/; <$file> };
	close $file;
	my @blocks = $text =~ /^```sql\n(.*?)^```/msg;
	next unless @blocks;

	my $database = 'page' . ++$setup;
	my $count = 0;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template_docs");
	for my $block (@blocks)
	{
		my ($status, $out, $err) = $node->psql($database, $block, on_error_stop => 1, extra_params => ['-q']);
		my $name = basename($page) . ', block ' . ++$count;
		is($status, 0, $name) or diag("$block\n$err");
	}
}

cmp_ok($setup, '>', 0, 'there are pages with SQL');
done_testing();
