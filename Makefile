# The Lambda function as a static executable, made by Rust alone: its own linker and its own C library (musl), so that
# nothing of the system is linked in and one machine makes both architectures.
#
#   make dist                       dist/toolgate-arm64.zip and dist/toolgate-x86_64.zip
#   make dist POLICIES=../rules     with other policies: a folder, or a bundle that `toolgate build` made
#   make check-dist                 the tests of the function, with the x86-64 zip's executable (on such a machine)
#   make measure ARCH=x86_64        the table of benches/lambda.rs for that executable; with BASE=OTHER for another one, too
#   ARCH=x86_64 sam build           what `sam build` makes; arm64 without ARCH

# As Lambda and template.yaml say it: arm64 or x86_64.
ARCH ?= arm64
# What goes into the zip as `policies/`, or as `policies.bundle`. Settings go with it, in its `toolgate.yaml`.
POLICIES ?= policies
CARGO ?= cargo
PYTHON ?= python3

target_arm64 := aarch64-unknown-linux-musl
target_x86_64 := x86_64-unknown-linux-musl
target = $(target_$(ARCH))
ifeq ($(target),)
$(error ARCH is `$(ARCH)`, and must be arm64 or x86_64)
endif

# `rust-lld` is in every Rust toolchain; the start files and the C library come with the target.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER := rust-lld
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS := -C link-self-contained=yes
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER := rust-lld
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS := -C link-self-contained=yes

# As cargo says it, wherever the user has it.
target_directory = $(or $(CARGO_TARGET_DIR),target)
binary = $(target_directory)/$(target)/release/bootstrap

.PHONY: dist check-dist measure zip bootstrap target build-ToolgateFunction clean-dist

dist:
	$(MAKE) zip ARCH=arm64
	$(MAKE) zip ARCH=x86_64

# One architecture's zip.
zip: bootstrap
	$(PYTHON) .ci/zip --bootstrap "$(binary)" --policies "$(POLICIES)" "dist/toolgate-$(ARCH).zip"

bootstrap: target
	$(CARGO) build --release --locked --target $(target) --no-default-features --features lambda --bin bootstrap

# Where there is no rustup, the target comes with the toolchain or not at all.
target:
	@if command -v rustup >/dev/null; then rustup target add $(target); fi

# As Lambda does: unpacked, and the executable started.
check-dist:
	$(MAKE) zip ARCH=x86_64
	rm -rf dist/check && mkdir -p dist/check
	$(PYTHON) -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' dist/toolgate-x86_64.zip dist/check
	chmod 0755 dist/check/bootstrap
	BOOTSTRAP="$(CURDIR)/dist/check/bootstrap" $(CARGO) test --locked --test lambda

# The bench itself need not be fast; what it measures is what is deployed.
measure: bootstrap
	$(CARGO) build --release --locked --target $(target) -p toolgate-tools --bin empty_handler
	BOOTSTRAP="$(abspath $(binary))" EMPTY_HANDLER="$(abspath $(dir $(binary))empty_handler)" BASE="$(abspath $(BASE))" \
		$(CARGO) test --locked --bench lambda

# What `sam build` calls for the function of this name with `BuildMethod: makefile`.
build-ToolgateFunction: bootstrap
	mkdir -p "$(ARTIFACTS_DIR)"
	cp "$(binary)" "$(ARTIFACTS_DIR)/bootstrap"
	chmod 0755 "$(ARTIFACTS_DIR)/bootstrap"
	rm -rf "$(ARTIFACTS_DIR)/policies" "$(ARTIFACTS_DIR)/policies.bundle"
	if [ -f "$(POLICIES)" ]; then cp "$(POLICIES)" "$(ARTIFACTS_DIR)/policies.bundle"; \
		else cp -R "$(POLICIES)" "$(ARTIFACTS_DIR)/policies"; fi

clean-dist:
	rm -rf dist
