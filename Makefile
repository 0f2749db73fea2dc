EXTENSION = usage_mgmt
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" usage_mgmt.control)

MODULE_big = usage_mgmt
OBJS = \
	src/api.o \
	src/attribute.o \
	src/batch.o \
	src/batch_item.o \
	src/bulk.o \
	src/caller.o \
	src/catalog.o \
	src/changes.o \
	src/characteristics.o \
	src/characteristics_edit.o \
	src/characteristics_gin.o \
	src/characteristics_io.o \
	src/characteristics_ops.o \
	src/characteristics_selectivity.o \
	src/characteristics_statistics.o \
	src/collections.o \
	src/content.o \
	src/copy_form.o \
	src/csv.o \
	src/csv_row.o \
	src/currency.o \
	src/cursor.o \
	src/delivery.o \
	src/entry.o \
	src/errors.o \
	src/etag.o \
	src/event.o \
	src/faults.o \
	src/filter.o \
	src/gateway.o \
	src/http.o \
	src/http_error.o \
	src/hub.o \
	src/json_patch.o \
	src/json_pointer.o \
	src/json_scan.o \
	src/json_tree.o \
	src/jsonpath.o \
	src/jsonpath_scan.o \
	src/ledger.o \
	src/lifecycle.o \
	src/listen_query.o \
	src/listener.o \
	src/listener_owner.o \
	src/load.o \
	src/load_faults.o \
	src/match.o \
	src/model.o \
	src/names.o \
	src/number.o \
	src/openapi.o \
	src/openapi_schema.o \
	src/operations.o \
	src/order.o \
	src/order_check.o \
	src/outbox.o \
	src/page.o \
	src/patch.o \
	src/pattern.o \
	src/query.o \
	src/query_string.o \
	src/position.o \
	src/range.o \
	src/reader.o \
	src/record.o \
	src/references.o \
	src/replace.o \
	src/resource.o \
	src/rest_hub.o \
	src/rest_list.o \
	src/rest_many.o \
	src/rest_one.o \
	src/rest_result.o \
	src/row.o \
	src/rows.o \
	src/rules.o \
	src/scalar.o \
	src/secret.o \
	src/setting_table.o \
	src/settings.o \
	src/spec_cache.o \
	src/spec_check.o \
	src/spec_values.o \
	src/stat.o \
	src/store.o \
	src/sums.o \
	src/tally.o \
	src/tmf_read.o \
	src/tmf_write.o \
	src/total.o \
	src/triggers.o \
	src/types.o \
	src/undo.o \
	src/upkeep.o \
	src/usage_mgmt.o \
	src/vouch.o \
	src/window.o

# One subject each, put together in this order.
SQL_PARTS = \
	sql/00_head.sql \
	sql/10_status.sql \
	sql/20_characteristics.sql \
	sql/30_composites.sql \
	sql/40_resources.sql \
	sql/50_tables.sql \
	sql/55_loads.sql \
	sql/60_partitions.sql \
	sql/62_hub.sql \
	sql/63_upkeep.sql \
	sql/64_delivery.sql \
	sql/65_csv.sql \
	sql/66_jobs.sql \
	sql/67_files.sql \
	sql/68_stat.sql \
	sql/70_operations.sql \
	sql/75_lists.sql \
	sql/80_functions.sql \
	sql/84_rest.sql \
	sql/85_access.sql \
	sql/88_native.sql \
	sql/90_install.sql

# The client program.
USAGECTL_OBJS = \
	src/usagectl/address.o \
	src/usagectl/agent.o \
	src/usagectl/array.o \
	src/usagectl/books.o \
	src/usagectl/buffer.o \
	src/usagectl/checkpoint.o \
	src/usagectl/children.o \
	src/usagectl/clock.o \
	src/usagectl/commands.o \
	src/usagectl/config.o \
	src/usagectl/connection.o \
	src/usagectl/contents.o \
	src/usagectl/copy.o \
	src/usagectl/csv.o \
	src/usagectl/declared.o \
	src/usagectl/delays.o \
	src/usagectl/delivery.o \
	src/usagectl/exchange.o \
	src/usagectl/export.o \
	src/usagectl/files.o \
	src/usagectl/folder.o \
	src/usagectl/format.o \
	src/usagectl/hash.o \
	src/usagectl/head.o \
	src/usagectl/import.o \
	src/usagectl/job.o \
	src/usagectl/job_export.o \
	src/usagectl/job_import.o \
	src/usagectl/jobs.o \
	src/usagectl/jobs_show.o \
	src/usagectl/journal.o \
	src/usagectl/lane.o \
	src/usagectl/listen.o \
	src/usagectl/listeners.o \
	src/usagectl/listing.o \
	src/usagectl/local.o \
	src/usagectl/login.o \
	src/usagectl/main.o \
	src/usagectl/manifest.o \
	src/usagectl/options.o \
	src/usagectl/pack.o \
	src/usagectl/parting.o \
	src/usagectl/partitions.o \
	src/usagectl/place.o \
	src/usagectl/progress.o \
	src/usagectl/put.o \
	src/usagectl/query.o \
	src/usagectl/reading.o \
	src/usagectl/records.o \
	src/usagectl/refused.o \
	src/usagectl/resources.o \
	src/usagectl/row.o \
	src/usagectl/safety.o \
	src/usagectl/sequence.o \
	src/usagectl/session.o \
	src/usagectl/source.o \
	src/usagectl/spool.o \
	src/usagectl/steps.o \
	src/usagectl/stream.o \
	src/usagectl/table.o \
	src/usagectl/target.o \
	src/usagectl/text.o \
	src/usagectl/transfer.o \
	src/usagectl/trouble.o \
	src/usagectl/unpack.o \
	src/usagectl/values.o \
	src/usagectl/wake.o \
	src/usagectl/webhook.o \
	src/usagectl/writer.o
SCRIPTS_built = usagectl

INSTALL_SQL = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(INSTALL_SQL)
DATA = $(filter-out $(INSTALL_SQL),$(wildcard sql/$(EXTENSION)--*.sql))
EXTRA_CLEAN = $(INSTALL_SQL) $(USAGECTL_OBJS)

PG_CONFIG ?= pg_config
# Hidden symbols, as 16 and later build modules: calls among ourselves are direct.
PG_CFLAGS = -Wall -Wextra -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-fvisibility=hidden -DPGDLLEXPORT='__attribute__((visibility("default")))'

SHLIB_LINK = -ljson-c

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --encoding=UTF8 --no-locale
REGRESS_PREP = reachable
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --encoding=UTF8 --no-locale
PROVE_TESTS ?= test/t/*.pl
ifeq ($(shell perl -MIPC::Run -e 'print 1' 2> /dev/null),1)
TAP_TESTS = 1
else
REGRESS_PREP += say-no-tap
endif

# Byte code for LLVM would need clang; nothing here is hot enough inside expressions.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(INSTALL_SQL): $(SQL_PARTS) usage_mgmt.control
	cat $(SQL_PARTS) > $@

$(OBJS): $(wildcard src/*.h)

$(USAGECTL_OBJS): $(wildcard src/usagectl/*.h) usage_mgmt.control
$(USAGECTL_OBJS): override CPPFLAGS += -I$(libpq_srcdir) -DUSAGECTL_VERSION='"$(EXTVERSION)"'

usagectl: $(USAGECTL_OBJS)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_EX) -L$(pkglibdir) -lpgcommon -lpgport $(libpq) -lcurl -lcrypto -lz -lzstd -lm -o $@

install: install-man
install-man:
	$(MKDIR_P) '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_DATA) $(srcdir)/docs/usagectl.1 '$(DESTDIR)$(mandir)/man1/'

uninstall: uninstall-man
uninstall-man:
	rm -f '$(DESTDIR)$(mandir)/man1/usagectl.1'

# Programs that tests start take modules from there, too.
installcheck: export PERL5LIB := $(CURDIR)/test/t/lib:$(PERL5LIB)

# A server of somebody else's reads and writes files of the tests in results/.
reachable:
	@$(MKDIR_P) results && chmod 1777 results
	@$(shell $(PG_CONFIG) --bindir)/psql -X -q -d postgres -c "COPY (SELECT 1) TO '$(CURDIR)/results/reachable'" || \
		{ echo 'make installcheck needs a running server, the role of a superuser there, and $(CURDIR)/results open to that server' >&2; exit 1; }

say-no-tap:
	@echo 'TAP tests are left out: they need IPC::Run (on Debian the package libipc-run-perl)'

.PHONY: bench check-layers check-san check-symbols coverage dist fuzz install-man reachable say-no-tap uninstall-man

# What PGXN takes: the tracked files of HEAD.
DISTNAME = $(EXTENSION)-$(shell sed -n 's/^\t"version": "\(.*\)",$$/\1/p' META.json)
dist:
	git archive --prefix=$(DISTNAME)/ --output=$(DISTNAME).zip HEAD

# Symbols of an extension share one namespace with every other one loaded.
check-symbols: $(MODULE_big).so
	@! nm --defined-only --extern-only --dynamic $< | awk '{print $$3}' \
		| grep -vE '^(um_|pg_finfo_um_|_PG_init$$|Pg_magic_func$$|_init$$|_fini$$)'

# Calls go downwards in the list of files of docs/development.md.
check-layers: $(MODULE_big).so
	@nm $(OBJS) | awk ' \
		FNR == NR { if ($$0 ~ /^\| `[a-z_]*\.c`/) { split($$0, f, "`"); place[f[2]] = ++n } next } \
		/\.o:$$/ { file = $$1; gsub(/.*\/|\.o:/, "", file); file = file ".c"; \
			if (!(file in place)) { print file " is not in docs/development.md"; bad = 1 } next } \
		NF < 2 { next } \
		$$(NF - 1) == "U" { user[++uses] = file; used[uses] = $$NF; next } \
		$$(NF - 1) ~ /[TDBRC]/ { home[$$NF] = file } \
		END { for (i = 1; i <= uses; i++) if (used[i] in home && place[home[used[i]]] < place[user[i]]) { \
				print user[i] " calls up to " home[used[i]] ": " used[i]; bad = 1 } \
			exit bad }' docs/development.md -

bench:
	test/bench/run

fuzz:
	test/fuzz/run

check-san:
	script/check-san

coverage:
	script/coverage
