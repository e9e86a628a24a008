/* What registry reckons without a store: intervals, comparisons, what a txn may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "registry/check.h"
#include "registry/interval.h"

static ProtobufCBinaryData data_of(const char *text)
{
	return (ProtobufCBinaryData) { .len = strlen(text), .data = (uint8_t *)text };
}

static struct weft_bytes bytes_of(const char *text)
{
	return key_of(data_of(text));
}

static void test_keys_are_in_the_order_of_their_bytes(void **state)
{
	static const char *const rising[] = { "", "a", "a\1", "aa", "b", "\x7f", "\x80", "\xff" };

	for (size_t i = 0; i < WEFT_COUNT(rising); i++)
		for (size_t k = 0; k < WEFT_COUNT(rising); k++) {
			int order = key_compare(bytes_of(rising[i]), bytes_of(rising[k]));

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

static void test_an_interval_has_its_start_and_not_its_end(void **state)
{
	static const ProtobufCBinaryData open = { .len = 1, .data = (uint8_t *)"\0" };
	struct interval point = interval_of(data_of("b"), data_of(""));
	struct interval bounded = interval_of(data_of("b"), data_of("d"));
	struct interval from = interval_of(data_of("b"), open);
	struct interval none = interval_of(data_of("d"), data_of("b"));
	static const struct {
		const char *key;
		bool point, bounded, from;
	} cases[] = {
		{ "a", false, false, false }, { "b", true, true, true },
		{ "b\1", false, true, true }, { "c\xff\xff", false, true, true },
		{ "d", false, false, true },  { "\xff", false, false, true },
	};

	assert_int_equal(point.kind, INTERVAL_POINT);
	assert_int_equal(bounded.kind, INTERVAL_BOUNDED);
	assert_int_equal(from.kind, INTERVAL_OPEN);
	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		struct weft_bytes key = bytes_of(cases[i].key);

		assert_int_equal(interval_contains(&point, key), cases[i].point);
		assert_int_equal(interval_contains(&bounded, key), cases[i].bounded);
		assert_int_equal(interval_contains(&from, key), cases[i].from);
		assert_false(interval_contains(&none, key));
	}
}

/* ---- comparisons */

#define RESULT(name) ETCDSERVERPB__COMPARE__COMPARE_RESULT__##name
#define TARGET(name) ETCDSERVERPB__COMPARE__COMPARE_TARGET__##name
#define GIVEN(name)  ETCDSERVERPB__COMPARE__TARGET_UNION_##name

/* Of all four results, those that hold for a key's value below, at and above the one given. */
static void assert_results(Etcdserverpb__Compare *compare, const Mvccpb__KeyValue *kv, int order)
{
	compare->result = RESULT(EQUAL);
	assert_int_equal(compare_holds(compare, kv), order == 0);
	compare->result = RESULT(NOT_EQUAL);
	assert_int_equal(compare_holds(compare, kv), order != 0);
	compare->result = RESULT(GREATER);
	assert_int_equal(compare_holds(compare, kv), order > 0);
	compare->result = RESULT(LESS);
	assert_int_equal(compare_holds(compare, kv), order < 0);
}

static void test_numbers_are_compared(void **state)
{
	Mvccpb__KeyValue kv = MVCCPB__KEY_VALUE__INIT;
	static const struct {
		Etcdserverpb__Compare__CompareTarget target;
		Etcdserverpb__Compare__TargetUnionCase given;
		int64_t value;
	} cases[] = {
		{ TARGET(VERSION), GIVEN(VERSION), 4 },
		{ TARGET(CREATE), GIVEN(CREATE_REVISION), 10 },
		{ TARGET(MOD), GIVEN(MOD_REVISION), INT64_MAX },
		{ TARGET(LEASE), GIVEN(LEASE), -7 },
	};

	kv.version = 4;
	kv.create_revision = 10;
	kv.mod_revision = INT64_MAX;
	kv.lease = -7;
	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		Etcdserverpb__Compare compare = ETCDSERVERPB__COMPARE__INIT;

		compare.target = cases[i].target;
		/* Nothing given, or something of another kind, is 0. */
		assert_results(&compare, NULL, 0);
		assert_results(&compare, &kv, cases[i].value > 0 ? 1 : -1);
		compare.target_union_case = cases[i].given;
		compare.version = cases[i].value; /* one union for all of them */
		assert_results(&compare, &kv, 0);
		assert_results(&compare, NULL, cases[i].value > 0 ? -1 : 1);
		compare.version = INT64_MIN;
		assert_results(&compare, &kv, 1);
	}
}

static void test_values_are_compared(void **state)
{
	Etcdserverpb__Compare compare = ETCDSERVERPB__COMPARE__INIT;
	Mvccpb__KeyValue kv = MVCCPB__KEY_VALUE__INIT;

	compare.target = TARGET(VALUE);
	compare.target_union_case = GIVEN(VALUE);
	compare.value = data_of("mm");
	kv.value = data_of("mm");
	assert_results(&compare, &kv, 0);
	kv.value = data_of("mma");
	assert_results(&compare, &kv, 1);
	kv.value = data_of("");
	assert_results(&compare, &kv, -1);
	/* Where there is no key, no result holds. */
	for (int result = RESULT(EQUAL); result <= RESULT(NOT_EQUAL); result++) {
		compare.result = result;
		assert_false(compare_holds(&compare, NULL));
	}
}

/* ---- requests */

static void test_a_txn_nests_as_deep_as_its_operations_allow(void **state)
{
	enum { DEEP = 130 };
	Etcdserverpb__TxnRequest txns[DEEP];
	Etcdserverpb__RequestOp ops[DEEP], *lists[DEEP];

	for (int i = 0; i < DEEP; i++) {
		etcdserverpb__txn_request__init(&txns[i]);
		etcdserverpb__request_op__init(&ops[i]);
		lists[i] = &ops[i];
		ops[i].request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN;
		ops[i].request_txn = &txns[i];
		if (i > 0) {
			txns[i].success = &lists[i - 1];
			txns[i].n_success = 1;
		}
	}
	/* Each level has one operation, and leaves the one below it one less. */
	assert_int_equal(check_txn(&txns[TXN_OPS_MOST]), 0);
	assert_int_equal(check_txn(&txns[TXN_OPS_MOST + 1]), ETCD_TOO_MANY_OPS);
}

static void test_all_lists_of_a_txn_are_bounded_together(void **state)
{
	enum { INNER = 100 };
	Etcdserverpb__TxnRequest outer = ETCDSERVERPB__TXN_REQUEST__INIT;
	Etcdserverpb__TxnRequest inner = ETCDSERVERPB__TXN_REQUEST__INIT;
	Etcdserverpb__DeleteRangeRequest request = ETCDSERVERPB__DELETE_RANGE_REQUEST__INIT;
	Etcdserverpb__RequestOp op = ETCDSERVERPB__REQUEST_OP__INIT;
	Etcdserverpb__RequestOp nested = ETCDSERVERPB__REQUEST_OP__INIT;
	Etcdserverpb__RequestOp *inner_list[INNER], *outer_list[28];

	request.key = data_of("k");
	op.request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_DELETE_RANGE;
	op.request_delete_range = &request;
	for (int i = 0; i < INNER; i++)
		inner_list[i] = &op;
	inner.success = inner_list;
	inner.n_success = INNER;
	nested.request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN;
	nested.request_txn = &inner;
	for (size_t i = 0; i < WEFT_COUNT(outer_list); i++)
		outer_list[i] = &nested;
	outer.success = outer_list;
	outer.n_success = 10; /* and 10 × 100 */
	assert_int_equal(check_txn(&outer), 0);
	outer.n_success = 11;
	assert_int_equal(check_txn(&outer), ETCD_TOO_MANY_OPS);
}

static void test_etcds_words(void **state)
{
	assert_string_equal(etcd_error_words(ETCD_EMPTY_KEY), "etcdserver: key is not provided");
	assert_string_equal(etcd_error_words(ETCD_STOPPED), "etcdserver: server stopped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_in_the_order_of_their_bytes),
		cmocka_unit_test(test_an_interval_has_its_start_and_not_its_end),
		cmocka_unit_test(test_numbers_are_compared),
		cmocka_unit_test(test_values_are_compared),
		cmocka_unit_test(test_a_txn_nests_as_deep_as_its_operations_allow),
		cmocka_unit_test(test_all_lists_of_a_txn_are_bounded_together),
		cmocka_unit_test(test_etcds_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
