/*
 * fingerprint.c
 *	  mlops.fingerprint: of the rows of a query, as an aggregate, and of a source.
 *
 * The transition value is a bytea that holds a Fingerprint, changed in place, so
 * partial aggregates combine.  What is derived from the type of the rows is kept
 * with the call.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "pg/compat.h"
#include "pg/row_fingerprint.h"
#include "pg/source.h"

PG_FUNCTION_INFO_V1(mlops_fingerprint);
PG_FUNCTION_INFO_V1(mlops_fingerprint_accumulate);
PG_FUNCTION_INFO_V1(mlops_fingerprint_combine);
PG_FUNCTION_INFO_V1(mlops_fingerprint_final);

typedef struct CallState
{
	MemoryContext context;		/* of the printer */
	Oid			type;
	int32		typmod;
	TupleDesc	descriptor;
	RowPrinter	printer;
	Datum	   *values;
	bool	   *nulls;
} CallState;

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function can only be called as part of an aggregate"),
				 errhint("Use the aggregate mlops.fingerprint.")));
	return context;
}

/* The fingerprint inside a transition value, which others could have made; its place need not be aligned. */
static Fingerprint
state_read(const bytea *state)
{
	Fingerprint fingerprint;

	if (VARSIZE_ANY_EXHDR(state) != sizeof(Fingerprint))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of aggregate mlops.fingerprint")));
	memcpy(&fingerprint, VARDATA_ANY(state), sizeof(fingerprint));
	return fingerprint;
}

static void
state_add(bytea *state, const Fingerprint *other)
{
	Fingerprint total = state_read(state);

	fingerprint_merge(&total, other);
	memcpy(VARDATA_ANY(state), &total, sizeof(total));
}

static bytea *
state_create(MemoryContext context)
{
	bytea	   *state = MemoryContextAllocZero(context, VARHDRSZ + sizeof(Fingerprint));

	SET_VARSIZE(state, VARHDRSZ + sizeof(Fingerprint));
	return state;
}

static CallState *
call_state(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	CallState  *state = fcinfo->flinfo->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);
	MemoryContext old;

	if (state != NULL && state->type == type && state->typmod == typmod)
		return state;
	if (state == NULL)
	{
		state = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallState));
		state->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "mlops fingerprint", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = state;
	}
	state->type = InvalidOid;
	MemoryContextReset(state->context);
	old = MemoryContextSwitchTo(state->context);
	state->descriptor = lookup_rowtype_tupdesc_copy(type, typmod);
	row_printer_init(&state->printer, state->descriptor);
	state->values = palloc(sizeof(Datum) * Max(state->descriptor->natts, 1));
	state->nulls = palloc(sizeof(bool) * Max(state->descriptor->natts, 1));
	MemoryContextSwitchTo(old);
	state->type = type;
	state->typmod = typmod;
	return state;
}

Datum
mlops_fingerprint_accumulate(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	bytea	   *state;
	HeapTupleHeader row;
	HeapTupleData tuple;
	CallState  *call;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = PG_ARGISNULL(0) ? state_create(context) : PG_GETARG_BYTEA_P(0);
	row = PG_GETARG_HEAPTUPLEHEADER(1);
	call = call_state(fcinfo, row);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, call->descriptor, call->values, call->nulls);
	memset(&call->printer.total, 0, sizeof(Fingerprint));
	row_printer_add(&call->printer, call->values, call->nulls);
	state_add(state, &call->printer.total);
	PG_RETURN_BYTEA_P(state);
}

Datum
mlops_fingerprint_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	bytea	   *state;
	Fingerprint other;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = state_read(PG_GETARG_BYTEA_PP(1));
	state = PG_ARGISNULL(0) ? state_create(context) : PG_GETARG_BYTEA_P(0);
	state_add(state, &other);
	PG_RETURN_BYTEA_P(state);
}

static text *
fingerprint_to_text(const Fingerprint *fingerprint)
{
	char		digits[FINGERPRINT_DIGITS + 1];

	fingerprint_text(fingerprint, digits);
	return cstring_to_text(digits);
}

Datum
mlops_fingerprint_final(PG_FUNCTION_ARGS)
{
	Fingerprint fingerprint;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	fingerprint = state_read(PG_GETARG_BYTEA_PP(0));
	PG_RETURN_TEXT_P(fingerprint_to_text(&fingerprint));
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	row_printer_add(context, slot->tts_values, slot->tts_isnull);
	return true;
}

Datum
mlops_fingerprint(PG_FUNCTION_ARGS)
{
	Source	   *source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	RowPrinter	printer;

	row_printer_init(&printer, source_descriptor(source));
	(void) source_run(source, receive_row, &printer);
	source_close(source);
	if (printer.total.rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(fingerprint_to_text(&printer.total));
}
