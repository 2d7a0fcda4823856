# Shared by src/pgxs.mk and test/programs.mk: the version, the directories and the numerical libraries.

# mlops.control is the one place where the version is written.
MLOPS_VERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" mlops.control)

PURE_DIRS = core format
SERVER_DIRS = pg train score evaluate registry monitor pipeline

# LAPACKE and CBLAS on a BLAS that never starts threads. The default OpenBLAS starts them when it is loaded, and liblapacke
# names libblas.so.3 and liblapack.so.3 only by soname. An old-style run path (RPATH) also counts for the libraries that
# liblapacke needs; a new-style one (RUNPATH) would mix two builds of OpenBLAS.
MULTIARCH := $(firstword $(shell gcc -print-multiarch 2>/dev/null) $(shell uname -m)-linux-gnu)
BLAS_DIR ?= $(firstword $(wildcard /usr/lib/$(MULTIARCH)/openblas-serial))
BLAS_CPPFLAGS ?= -isystem /usr/include/$(MULTIARCH)/openblas-serial
BLAS_LIBS ?= -Wl,--disable-new-dtags,-rpath,$(BLAS_DIR) -L$(BLAS_DIR) \
	-Wl,--no-as-needed -llapacke -llapack -lblas -lopenblas -lm -Wl,--as-needed

WARNINGS = -Wall -Wextra -Werror -Wmissing-prototypes -Wpointer-arith -Wvla -Wwrite-strings -Wundef
DEFINES = -DMLOPS_VERSION=\"$(MLOPS_VERSION)\"

# $(call stamp,FILE,TEXT): make FILE hold TEXT, touching it only when TEXT is new, so that it can be a prerequisite
stamp = $(shell mkdir -p build; printf '%s\n' '$(strip $(2))' | cmp -s - $(1) || printf '%s\n' '$(strip $(2))' >$(1))
