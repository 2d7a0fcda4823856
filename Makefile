# mlops: machine learning inside PostgreSQL.
#
#   make demo        install what is missing, build, and show the quickstart on a private throw-away server
#   make check       the same, then every test
#   make             build with the server that PG_CONFIG (default: pg_config) belongs to
#   make study       compare the quality of trees with XGBoost and scikit-learn, into docs/QUALITY.md
#   make docs        write the pages of docs/ that come from the catalog
#   make install     install into that server; make installcheck tests what is installed there
#
# The extension is built by src/pgxs.mk, test programs by test/programs.mk; test/harness runs the tests (docs/DEVELOPING.md).

PG_CONFIG ?= pg_config
export PG_CONFIG

HARNESS = test/harness
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
SUBMAKE = +@$(MAKE) --no-print-directory
KINDS = layers unit fuzz regress isolation pgtap tap

.DEFAULT_GOAL := build
.PHONY: all build install uninstall installcheck check $(KINDS:%=check-%) demo docs bench study fuzz format clean distclean deps

all: build

build install uninstall installcheck:
	@$(HARNESS)/deps --verify build
	$(SUBMAKE) -f src/pgxs.mk $@

# T= picks test files of one kind: make check-pgtap T=test/pgtap/version.sql
check:
	@$(HARNESS)/deps check
	$(SUBMAKE) $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/check $(KINDS)

$(KINDS:%=check-%): check-%:
	@$(HARNESS)/deps check
	$(SUBMAKE) $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/check $* $(T)

demo:
	@$(HARNESS)/deps build
	$(SUBMAKE) -s $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/demo

docs:
	@$(HARNESS)/deps build
	$(SUBMAKE) -s $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/docs

# BENCH= picks by name: make bench BENCH=linear
bench:
	@$(HARNESS)/deps bench
	$(SUBMAKE) -s $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/bench $(BENCH)

# STUDY= picks sections by name: make study STUDY="ames, boosting"; about 20 minutes for all
study:
	@$(HARNESS)/deps bench
	$(SUBMAKE) -s $(JOBS) -f src/pgxs.mk build
	@$(HARNESS)/study "$(STUDY)"

# Each fuzzer for SECONDS: make fuzz SECONDS=300
fuzz:
	@$(HARNESS)/deps check
	@FUZZ_SECONDS=$(or $(SECONDS),60) $(HARNESS)/check fuzz $(T)

deps:
	@$(HARNESS)/deps check

format:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'test/unit/*.[ch]' 'test/fuzz/*.[ch]')

clean distclean:
	@$(HARNESS)/cluster purge
	rm -rf build mlops.so
