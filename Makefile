# SPDX-License-Identifier: GPL-2.0-only
#
# The front door.  `make help` lists what there is.

JOBS  ?= $(shell nproc)
T     ?= 20
# The same variable, longer when it is not given.
TORTURE_T := $(if $(filter file,$(origin T)),60,$(T))
SEED  ?=
# Where everything is made: BUILD=FOLDER, also for a checkout that cannot be written to.
unusable := $(shell tools/lib/usable-place "$$PWD" '$(or $(BUILD),build)' 2>&1)
ifneq ($(unusable),)
$(error $(unusable))
endif
DEFAULT_BUILD := $(CURDIR)/build
override BUILD := $(abspath $(or $(BUILD),build))
export JOBS KSRC BUILD

# What a Debian machine needs.  `deps` installs what is missing.
PACKAGES := g++ make patch xz-utils zstd bc bison flex libelf-dev libssl-dev \
	kmod cpio qemu-system-x86 seabios bochs bochsbios vgabios xorriso isolinux \
	syslinux-common busybox-static libgtest-dev libgmock-dev libcli11-dev \
	nlohmann-json3-dev libncurses-dev ccache python3 perl

# What the self tests of system-call isolation run isolated.
PROGRAMS := coreutils gcc git make perl python3 strace sqlite3 redis-server redis-tools nginx-light \
	apache2-utils stress-ng iproute2

.PHONY: help
help:
	@echo 'Address-space isolation for the Linux kernel.'
	@echo
	@echo '  make demo      fetch, build, boot, run a guest isolated, print figures'
	@echo '  make test      everything: host tests, kernels, self tests in emulators'
	@echo '  make kernel    build the kernel (FLAVOUR=base|debug|unpatched|server)'
	@echo '  make tools     build asictl, minivm and vm, the test machine launcher;'
	@echo '                 each by its name, too'
	@echo '  make unit      the host tests of the engine, asictl and the front door only'
	@echo '  make selftest  the self tests in the built kernel only; selftests/run --list'
	@echo '                 prints the steps, selftests/run NAME... runs some'
	@echo '  make torture   everything at once for T=$(TORTURE_T) seconds, SEED=N to repeat one,'
	@echo '                 in the base and in the debug kernel'
	@echo '  make bench     instructions per operation beside the unpatched kernel, the'
	@echo '                 share of exits that stay inside in workloads of a real guest, the'
	@echo '                 kernel text that isolated calls reach, what they cost servers,'
	@echo '                 and what idle virtual machines cost everybody else'
	@echo '  make shell     a root shell in the built kernel'
	@echo '  make fuzz      libFuzzer on the engine, T=$(T) seconds each'
	@echo '  make check     format, checkpatch, cppcheck, sparse, spelling, coverage; and what'
	@echo '                 tools/check.d has: includes, hooks, documentation, and code that'
	@echo '                 reads kernel text and is not in linux/6.12/readers.list (how to'
	@echo '                 keep it: Documentation/execute-only-text.rst)'
	@echo '  make deb       Debian packages of the tools and of the kernel FLAVOUR'
	@echo '  make deps      install the Debian packages that are missing; the others do it, too'
	@echo '  make clean     remove build/, with what was fetched'
	@echo
	@echo '  KSRC=DIR|TARBALL  use that 6.12 source instead of the Debian package'
	@echo '  BUILD=DIR         make everything there instead of in build/'
	@echo '  JOBS=N            jobs at a time when building (default: all processors)'
	@echo '  ASI_CACHE=DIR     keep finished kernels there (default ~/.cache/asi-linux; empty: not)'

.PHONY: deps
deps:
	@tools/install-packages $(PACKAGES)

.PHONY: tools minivm asictl vm
tools: minivm asictl vm
minivm asictl vm: deps
	@tools/lib/progress.py run 'building tools/$@' -- $(MAKE) -s -j$(JOBS) -C tools/$@

FLAVOUR ?= base
.PHONY: kernel
kernel: deps
	@linux/6.12/build $(FLAVOUR)

.PHONY: unit
unit: deps
	@$(MAKE) -s -C selftests/unit test
	@$(MAKE) -s -C tools/asictl test
	@selftests/front/front.sh

# It builds the tools and the kernel, as its first stages.
.PHONY: demo
demo:
	@tools/demo

.PHONY: test
test: tools
	@tools/install-packages $(PROGRAMS)
	@selftests/run all

.PHONY: selftest
selftest: tools kernel
	@tools/install-packages $(PROGRAMS)
	@selftests/run kernel

.PHONY: torture
torture: tools
	@linux/6.12/build base
	@linux/6.12/build debug
	@selftests/run torture $(TORTURE_T) $(SEED); base=$$?; \
		selftests/run debug-torture $(TORTURE_T) $(SEED) && exit $$base

.PHONY: bench
bench: tools
	@status=0; n=0; for part in run workloads reach text servers scale; do \
		n=$$((n + 1)); echo "== $$n of 6: bench/$$part.py =="; \
		bench/$$part.py || status=$$?; \
	done; exit $$status

.PHONY: shell
shell: tools kernel
	@tools/vm/shell

.PHONY: fuzz
fuzz: deps
	@tools/install-packages clang libclang-rt-14-dev
	@$(MAKE) -s -C selftests/fuzz run T=$(T)

.PHONY: check
check: asictl minivm
	@tools/install-packages clang-format cppcheck sparse codespell python3-sphinx
	@tools/check

.PHONY: deb
deb: tools kernel
	@tools/install-packages dpkg-dev
	@tools/make-deb $(FLAVOUR)

.PHONY: clean
clean:
ifeq ($(BUILD),$(DEFAULT_BUILD))
	rm -rf build
else
	@echo 'clean: only build/ is removed; BUILD is $(BUILD)'
endif
