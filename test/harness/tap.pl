#!/usr/bin/env perl
# tap.pl --kind K --jobs N --timeout S --result FILE test…
# Runs test files (test/harness/one prints each one's TAP) and writes "passed failed" to FILE. A file counts one failure
# more when it ends early, leaves its plan, exits with an error, or asserts nothing.
use strict;
use warnings;
use FindBin;
use Getopt::Long;
use TAP::Harness;

my ($kind, $jobs, $timeout, $result) = ('', 1, 300, undef);
GetOptions(
	'kind=s' => \$kind,
	'jobs=i' => \$jobs,
	'timeout=i' => \$timeout,
	'result=s' => \$result) or exit 2;

my $harness = TAP::Harness->new({
	jobs => $jobs,
	exec => sub { [ 'timeout', '-k', '10', $timeout, "$FindBin::Bin/one", $kind, $_[1] ] },
});

my ($passed, $failed, $skipped) = (0, 0, 0);
my @complaints;
$harness->callback(
	made_parser => sub {
		my ($parser, $test) = @_;
		$parser->callback(
			EOF => sub {
				my ($p) = @_;
				$passed += $p->actual_passed;
				$failed += $p->actual_failed;
				$skipped += $p->skipped;
				return if $p->skip_all;
				if ($p->tests_run == 0) {
					push @complaints, "$test->[1]: no assertion ran";
				} elsif ($p->parse_errors || ($p->exit && !$p->actual_failed)) {
					push @complaints, "$test->[1]: ended badly";
				}
			});
	});
my $aggregate = $harness->runtests(map { [ $_, $_ ] } @ARGV);
print "$_\n" for @complaints;
print "$skipped skipped\n" if $skipped;
$failed += @complaints;
$failed ||= 1 if $aggregate->has_errors;
open my $out, '>', $result or die "$result: $!\n";
print $out "$passed $failed\n";
close $out;
exit($failed ? 1 : 0);
