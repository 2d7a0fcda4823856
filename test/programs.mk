# Programs that test core and format without a server: unit tests (cmocka, sanitizers) and fuzzers (libFuzzer).
# Run from the top directory: make -f test/programs.mk unit fuzz (the Makefile does).

include src/common.mk

PURE_SOURCES := $(sort $(foreach d,$(PURE_DIRS),$(wildcard src/$(d)/*.c)))
UNIT_TESTS := $(patsubst test/unit/%.c,build/unit/%,$(sort $(wildcard test/unit/test_*.c)))
UNIT_SUPPORT := $(filter-out $(wildcard test/unit/test_*.c),$(wildcard test/unit/*.c))
FUZZERS := $(patsubst test/fuzz/%.c,build/fuzz/%,$(sort $(wildcard test/fuzz/fuzz_*.c)))
FUZZ_CC ?= clang

# cmocka 2 deprecates names that cmocka 1 needs.
UNIT_CC = $(CC) -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-ffp-contract=off $(WARNINGS) -Wno-deprecated-declarations $(DEFINES) -Isrc -Itest/unit $(BLAS_CPPFLAGS)
FUZZ_COMPILE = $(FUZZ_CC) -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -ffp-contract=off $(WARNINGS) $(DEFINES) -Isrc -Itest/fuzz $(BLAS_CPPFLAGS)

$(call stamp,build/unit.stamp,$(UNIT_CC))
$(call stamp,build/fuzz.stamp,$(FUZZ_COMPILE))
$(call stamp,build/pure.stamp,$(PURE_SOURCES) $(UNIT_SUPPORT))

UNIT_OBJS := $(PURE_SOURCES:src/%.c=build/unit/obj/%.o) $(UNIT_SUPPORT:test/unit/%.c=build/unit/obj/%.o)
FUZZ_OBJS := $(PURE_SOURCES:src/%.c=build/fuzz/obj/%.o)

.PHONY: unit fuzz
.SECONDARY:
unit: $(UNIT_TESTS)
fuzz: $(FUZZERS)

build/unit/obj/%.o: src/%.c build/unit.stamp
	@mkdir -p $(@D)
	$(UNIT_CC) -MMD -MP -c -o $@ $<

build/unit/obj/%.o: test/unit/%.c build/unit.stamp
	@mkdir -p $(@D)
	$(UNIT_CC) -MMD -MP -c -o $@ $<

# Archives, so that a test needs no more of the sources than it uses.
build/unit/pure.a: $(UNIT_OBJS) build/pure.stamp
	rm -f $@
	$(AR) rcs $@ $(UNIT_OBJS)

build/unit/test_%: build/unit/obj/test_%.o build/unit/pure.a
	$(UNIT_CC) -o $@ $^ -lcmocka $(BLAS_LIBS)

build/fuzz/obj/%.o: src/%.c build/fuzz.stamp
	@mkdir -p $(@D)
	$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

build/fuzz/obj/%.o: test/fuzz/%.c build/fuzz.stamp
	@mkdir -p $(@D)
	$(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

build/fuzz/pure.a: $(FUZZ_OBJS) build/pure.stamp
	rm -f $@
	$(AR) rcs $@ $(FUZZ_OBJS)

build/fuzz/fuzz_%: build/fuzz/obj/fuzz_%.o build/fuzz/pure.a
	$(FUZZ_COMPILE) -fsanitize=fuzzer -o $@ $^ $(BLAS_LIBS)

-include $(wildcard build/unit/obj/*.d build/unit/obj/*/*.d build/fuzz/obj/*.d build/fuzz/obj/*/*.d)
