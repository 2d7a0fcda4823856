# Every SQL statement of the README and of the reference pages runs, in order, one database for each page; pages that are
# made from the catalog agree with it.
use strict;
use warnings;
use File::Basename;
use Cwd 'abs_path';
use MlopsTest;
use Test::More;

sub slurp
{
	my ($name) = @_;
	open my $file, '<', $name or die "$name: $!";
	local $/;
	return scalar <$file>;
}

my $root = dirname(abs_path(__FILE__)) . '/../..';
my $node = MlopsTest::node('main');
my $setup = 0;

$node->safe_psql('postgres', 'CREATE DATABASE template_docs');
MlopsTest::load_data($node, 'template_docs');
$node->safe_psql('template_docs', 'CREATE EXTENSION mlops');

# Pages that do not train a model speak of one that is in use.
$node->safe_psql('postgres', "CREATE ROLE $_") for qw(sales_app analysts crm_owner);
$node->safe_psql('postgres', 'CREATE DATABASE template_model TEMPLATE template_docs');
$node->safe_psql('template_model', q{
	SELECT mlops.train('churn', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic')
	FROM generate_series(1, 3);
	SELECT mlops.promote('churn', 1)});

for my $page ("$root/README.md", sort glob "$root/docs/*.md")
{
	my @blocks = slurp($page) =~ /^```sql\n(.*?)^```/msg;
	next unless @blocks;

	my $database = 'page' . ++$setup;
	my $count = 0;
	my $template = slurp($page) =~ /mlops\.train\(/ ? 'template_docs' : 'template_model';
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE $template");
	for my $block (@blocks)
	{
		my ($status, $out, $err) = $node->psql($database, $block, on_error_stop => 1, extra_params => ['-q']);
		my $name = basename($page) . ', block ' . ++$count;
		is($status, 0, $name) or diag("$block\n$err");
	}
}

# links lead to pages and headings that exist
my %headings;
for my $page ("$root/README.md", glob "$root/docs/*.md")
{
	$headings{abs_path($page)} = {map { my $slug = lc; $slug =~ s/[^\w\s-]//g; $slug =~ s/\s/-/g; $slug => 1 } slurp($page) =~ /^#+ (.+)$/mg};
}
for my $page (sort keys %headings)
{
	my @broken;
	for my $link (slurp($page) =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ m{^\w+://};
		my ($file, $heading) = $link =~ /^([^#]*)(?:#(.*))?$/;
		my $target = $file eq '' ? $page : abs_path(dirname($page) . "/$file");
		push @broken, $link if !defined $target || !-e $target || defined $heading && !$headings{$target}{$heading};
	}
	is("@broken", '', 'links of ' . basename($page));
}

my $readme = slurp("$root/README.md");
is(join(' ', grep { index($readme, "(docs/$_)") < 0 } map { basename($_) } glob "$root/docs/*.md"), '', 'the README leads to every page');

# pages from the catalog are those of today's catalog
$node->safe_psql('postgres', 'CREATE DATABASE generated');
$node->safe_psql('generated', 'CREATE EXTENSION mlops');
for my $script (glob "$root/docs/generate/*.sql")
{
	my $page = uc(basename($script, '.sql')) . '.md';
	my ($status, $out) = $node->psql('generated', slurp($script), extra_params => ['-q']);
	is($out =~ s/\s+\z//r, slurp("$root/docs/$page") =~ s/\s+\z//r, "docs/$page is up to date (make docs)");
}

cmp_ok($setup, '>', 0, 'there are pages with SQL');
done_testing();
