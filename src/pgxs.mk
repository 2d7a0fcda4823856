# The extension, built with PGXS. Run from the top directory: make -f src/pgxs.mk (the Makefile does).

PG_CONFIG ?= pg_config
.DEFAULT_GOAL := all
include src/common.mk

MODULE_big = mlops
EXTENSION = mlops
CREATE_SCRIPT = build/mlops--$(MLOPS_VERSION).sql
UPGRADES := $(patsubst sql/upgrade/%,build/%,$(wildcard sql/upgrade/mlops--*--*.sql))
DATA_built = $(CREATE_SCRIPT) $(UPGRADES)

PURE_SOURCES := $(sort $(foreach d,$(PURE_DIRS),$(wildcard src/$(d)/*.c)))
SOURCES := $(PURE_SOURCES) $(sort $(wildcard src/*.c) $(foreach d,$(SERVER_DIRS),$(wildcard src/$(d)/*.c)))
OBJS := $(SOURCES:src/%.c=build/obj/%.o)
SHLIB_LINK = $(BLAS_LIBS)

REGRESS = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test --outputdir=build/installcheck --load-extension=mlops
REGRESS_PREP = build/installcheck/results

# Just-in-time inlining has nothing to gain from functions of this size.
override with_llvm = no

# PGXS takes the directory of the first makefile for the source directory.
override srcdir = .

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Optimisation that never changes a result: no -ffast-math, no fused multiply-add, no instruction set beyond the baseline.
NUMERIC = -ffp-contract=off -fvisibility=hidden
ifneq (,$(findstring clang,$(shell $(CC) --version 2>/dev/null)))
QUIET_CC = -Wno-unknown-warning-option -Wno-ignored-optimization-argument
endif

# core and format see no PostgreSQL header at all.
PURE_CC = $(CC) -std=c11 -g -O3 -ftree-vectorize -fPIC -fno-strict-aliasing -fno-omit-frame-pointer \
	-fstack-protector-strong $(NUMERIC) $(WARNINGS) $(QUIET_CC) $(DEFINES) -Isrc $(BLAS_CPPFLAGS)

# The server's headers count as system headers. Its callbacks fix their own argument lists, so unused ones are no news.
SERVER_CC = $(CC) $(filter-out -Wdeclaration-after-statement,$(CFLAGS)) -std=gnu11 $(CFLAGS_SL) $(NUMERIC) $(WARNINGS) \
	-Wno-unused-parameter $(QUIET_CC) $(DEFINES) -Isrc -isystem $(includedir_server) -isystem $(includedir_internal) \
	$(CPPFLAGS) -include src/pg/compat.h

FLAGS_STAMP = build/flags.stamp
LIST_STAMP = build/sources.stamp
SQL_STAMP = build/sql.stamp
SQL_PARTS := $(sort $(wildcard sql/[0-9][0-9]_*.sql))
$(call stamp,$(FLAGS_STAMP),$(shell $(PG_CONFIG) --version) $(PURE_CC) $(SERVER_CC))
$(call stamp,$(LIST_STAMP),$(OBJS) $(SHLIB_LINK))
$(call stamp,$(SQL_STAMP),$(SQL_PARTS))

build/obj/core/%.o: src/core/%.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(PURE_CC) -MMD -MP -c -o $@ $<

build/obj/format/%.o: src/format/%.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(PURE_CC) -MMD -MP -c -o $@ $<

build/obj/%.o: src/%.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(SERVER_CC) -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)

mlops.so: $(LIST_STAMP)

$(CREATE_SCRIPT): $(SQL_PARTS) $(SQL_STAMP) mlops.control
	@mkdir -p $(@D)
	{ printf '%s\n' '\echo Use "CREATE EXTENSION mlops" to load this file. \quit'; \
	  for part in $(SQL_PARTS); do printf '\n-- %s\n\n' "$$part"; cat "$$part"; done; } >$@.new
	mv $@.new $@

# Lines "-- include FILE" and "-- replace FILE" stand for parts of today's script: as they are, or with CREATE OR REPLACE.
$(UPGRADES): build/%: sql/upgrade/% $(SQL_PARTS)
	@mkdir -p $(@D)
	awk '!/^-- (include|replace) / { print; next } \
	  { if ((getline line <$$3) < 0) { print $$3 ": no such file" >"/dev/stderr"; exit 1 } \
	    do { if ($$2 == "replace" && line ~ /^CREATE (FUNCTION|PROCEDURE|AGGREGATE|VIEW) /) sub(/^CREATE/, "CREATE OR REPLACE", line); print line } \
	    while ((getline line <$$3) > 0); close($$3) }' $< >$@.new
	mv $@.new $@

build/installcheck/results:
	mkdir -p $@

.PHONY: build
build: all
	@:
