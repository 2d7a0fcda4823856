/*
 * value.c
 *	  SQL values as features and as canonical hashes; see value.h.
 *
 * The type is looked up once, in value_reader_init; reading a value is a
 * switch.  Fixed-width types cost a few nanoseconds, timestamptz one look-up in
 * its zone, enums a binary search among their labels; numerics and times are in
 * value_numeric.c and value_time.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/catcache.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "pg/encoding.h"
#include "pg/value.h"
#include "pg/value_category.h"

#define UUID_TEXT_LENGTH 36

/* ---------- character types ---------- */

static void
uuid_text(const pg_uuid_t *uuid, char *text)
{
	static const char hex[] = "0123456789abcdef";
	char	   *p = text;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid->data[i] >> 4];
		*p++ = hex[uuid->data[i] & 15];
	}
}

/* Among the reader's labels; -1 when the value was added since. */
static int
enum_index(const ValueReader *reader, Oid value)
{
	int			low = 0;
	int			high = reader->enum_count - 1;

	while (low <= high)
	{
		int			middle = low + (high - low) / 2;

		if (reader->enum_oids[middle] == value)
			return middle;
		if (reader->enum_oids[middle] < value)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

static const char *
enum_label(const ValueReader *reader, Oid value)
{
	int			index = enum_index(reader, value);
	HeapTuple	tuple;
	char	   *label;

	if (index >= 0)
		return reader->enum_labels[index];

	/* added to the type after the reader was made */
	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", value)));
	label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return label;
}

/* The bytes of a character value in the database's encoding; memory of the datum or of the current context. */
static const char *
server_bytes(const ValueReader *reader, Datum datum, int *length)
{
	switch (reader->code)
	{
		case VALUE_TEXT:
		case VALUE_BPCHAR:
			{
				struct varlena *packed = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(datum));

				*length = VARSIZE_ANY_EXHDR(packed);
				if (reader->code == VALUE_BPCHAR)
					*length = bpchartruelen(VARDATA_ANY(packed), *length);
				return VARDATA_ANY(packed);
			}
		case VALUE_NAME:
			*length = strlen(NameStr(*DatumGetName(datum)));
			return NameStr(*DatumGetName(datum));
		case VALUE_ENUM:
			{
				const char *label = enum_label(reader, DatumGetObjectId(datum));

				*length = strlen(label);
				return label;
			}
		case VALUE_UUID:
			{
				char	   *text = palloc(UUID_TEXT_LENGTH);

				uuid_text(DatumGetUUIDP(datum), text);
				*length = UUID_TEXT_LENGTH;
				return text;
			}
		default:
			elog(ERROR, "value code %d is not a character type", reader->code);
	}
}

/* The same in UTF-8. */
static const char *
text_bytes(const ValueReader *reader, Datum datum, int *length)
{
	const char *text = server_bytes(reader, datum, length);

	return encoding_to_utf8(text, *length, length);
}

/* ---------- vectors ---------- */

static ArrayType *
vector_array(const ValueReader *reader, Datum datum)
{
	if (reader->code == VALUE_PGVECTOR)
	{
		Datum		array;

		switch (reader->cast_info->fn_nargs)
		{
			case 1:
				array = FunctionCall1(reader->cast_info, datum);
				break;
			case 2:
				array = FunctionCall2(reader->cast_info, datum, Int32GetDatum(-1));
				break;
			default:
				array = FunctionCall3(reader->cast_info, datum, Int32GetDatum(-1), BoolGetDatum(false));
				break;
		}
		return DatumGetArrayTypeP(array);
	}
	return DatumGetArrayTypeP(datum);
}

static int
vector_array_length(ArrayType *array, const char *what)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s holds an array of %d dimensions", what, ARR_NDIM(array)),
				 errhint("Only arrays of one dimension and one length can be features.")));
	return ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
}

int
value_vector_length(const ValueReader *reader, Datum datum, const char *what)
{
	return vector_array_length(vector_array(reader, datum), what);
}

/* Calls `emit` with each element as a double, its integer form if exact, or as NULL. */
typedef void (*ElementFn) (void *state, int index, bool isnull, double number, bool is_integer, int64 integer);

static void
array_elements(ArrayType *array, ElementFn emit, void *state)
{
	Oid			type = ARR_ELEMTYPE(array);
	int			count = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	char	   *p = ARR_DATA_PTR(array);

	for (int i = 0; i < count; i++)
	{
		double		number = 0;
		int64		integer = 0;
		bool		is_integer = true;

		if (bitmap != NULL && (bitmap[i >> 3] & (1 << (i & 7))) == 0)
		{
			emit(state, i, true, 0, false, 0);
			continue;
		}
		switch (type)
		{
			case INT2OID:
				integer = *(int16 *) p;
				p += sizeof(int16);
				number = (double) integer;
				break;
			case INT4OID:
				integer = *(int32 *) p;
				p += sizeof(int32);
				number = (double) integer;
				break;
			case INT8OID:
				integer = *(int64 *) p;
				p += sizeof(int64);
				number = (double) integer;
				break;
			case FLOAT4OID:
				number = *(float4 *) p;
				is_integer = false;
				p += sizeof(float4);
				break;
			case FLOAT8OID:
				number = *(float8 *) p;
				is_integer = false;
				p += sizeof(float8);
				break;
			case NUMERICOID:
				is_integer = value_numeric(PointerGetDatum(p), &number, &integer);
				p = att_addlength_pointer(p, -1, p);
				p = (char *) att_align_nominal(p, TYPALIGN_INT);
				break;
			default:
				elog(ERROR, "array element type %u is not a number", type);
		}
		emit(state, i, false, number, is_integer, integer);
	}
}

static void
emit_double(void *state, int index, bool isnull, double number, bool is_integer, int64 integer)
{
	/* adding zero turns -0 into 0 */
	((double *) state)[index] = isnull ? get_float8_nan() : number + 0.0;
}

static void
emit_hash(void *state, int index, bool isnull, double number, bool is_integer, int64 integer)
{
	uint64	   *hash = state;

	*hash = hash_row_add(*hash, isnull ? hash_null() : is_integer ? hash_int64(integer) : hash_double(number));
}

static uint64
vector_hash(const ValueReader *reader, Datum datum)
{
	ArrayType  *array = vector_array(reader, datum);
	uint64		hash = hash_row_init();

	/* the shape counts: '{{1,2}}' is not '{1,2}' */
	hash = hash_row_add(hash, hash_int64(ARR_NDIM(array)));
	for (int i = 0; i < ARR_NDIM(array); i++)
		hash = hash_row_add(hash, hash_int64(ARR_DIMS(array)[i]));
	if (ARR_NDIM(array) <= 1)
		array_elements(array, emit_hash, &hash);
	else
		hash = hash_row_add(hash, hash_bytes(VARDATA(array), VARSIZE(array) - VARHDRSZ));
	return hash_row_final(hash);
}

static void
vector_read(const ValueReader *reader, Datum datum, double *scratch, FeatureValue *value, const char *what)
{
	ArrayType  *array = vector_array(reader, datum);
	int			length = vector_array_length(array, what);

	if (length != reader->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s holds a vector of %d elements where %d were expected", what, length, reader->width),
				 errhint("All vectors of one feature must have one length.")));
	array_elements(array, emit_double, scratch);
	value->vector = scratch;
}

#define COPY_ELEMENTS(type) \
	for (int i = 0; i < count; i++) \
		numbers[i * stride] = (double) ((const type *) data)[i]

void
value_array_numbers(const ArrayType *array, double *numbers, size_t stride)
{
	const int	count = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	const char *data = ARR_DATA_PTR(array);

	switch (ARR_ELEMTYPE(array))
	{
		case FLOAT8OID:
			COPY_ELEMENTS(float8);
			break;
		case FLOAT4OID:
			COPY_ELEMENTS(float4);
			break;
		case INT2OID:
			COPY_ELEMENTS(int16);
			break;
		case INT4OID:
			COPY_ELEMENTS(int32);
			break;
		case INT8OID:
			COPY_ELEMENTS(int64);
			break;
		case NUMERICOID:
			for (int i = 0; i < count; i++)
			{
				int64		integer;

				(void) value_numeric(PointerGetDatum(data), &numbers[i * stride], &integer);
				data = att_addlength_pointer(data, -1, data);
				data = (const char *) att_align_nominal(data, TYPALIGN_INT);
			}
			break;
		default:
			elog(ERROR, "array element type %u is not a number", ARR_ELEMTYPE(array));
	}
}

/* ---------- types ---------- */

static bool
array_element_supported(Oid element)
{
	return element == INT2OID || element == INT4OID || element == INT8OID ||
		element == FLOAT4OID || element == FLOAT8OID || element == NUMERICOID;
}

/* The cast of pgvector's types to real[], or InvalidOid for any other type. */
static Oid
pgvector_cast(Oid type)
{
	HeapTuple	tuple;
	bool		named;
	Oid			function = InvalidOid;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	named = ((Form_pg_type) GETSTRUCT(tuple))->typtype == TYPTYPE_BASE &&
		(strcmp(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname), "vector") == 0 ||
		 strcmp(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname), "halfvec") == 0);
	ReleaseSysCache(tuple);
	if (!named)
		return InvalidOid;

	tuple = SearchSysCache2(CASTSOURCETARGET, ObjectIdGetDatum(type), ObjectIdGetDatum(FLOAT4ARRAYOID));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (((Form_pg_cast) GETSTRUCT(tuple))->castmethod == COERCION_METHOD_FUNCTION)
		function = ((Form_pg_cast) GETSTRUCT(tuple))->castfunc;
	ReleaseSysCache(tuple);
	return function;
}

typedef struct KnownType
{
	Oid			type;
	ValueCode	code;
	FeatureKind kind;			/* 0: hash only */
} KnownType;

static const KnownType known_types[] = {
	{BOOLOID, VALUE_BOOL, FEATURE_BOOLEAN},
	{INT2OID, VALUE_INT2, FEATURE_NUMERIC},
	{INT4OID, VALUE_INT4, FEATURE_NUMERIC},
	{INT8OID, VALUE_INT8, FEATURE_NUMERIC},
	{FLOAT4OID, VALUE_FLOAT4, FEATURE_NUMERIC},
	{FLOAT8OID, VALUE_FLOAT8, FEATURE_NUMERIC},
	{NUMERICOID, VALUE_NUMERIC, FEATURE_NUMERIC},
	{INTERVALOID, VALUE_INTERVAL, FEATURE_NUMERIC},
	{TEXTOID, VALUE_TEXT, FEATURE_CATEGORICAL},
	{VARCHAROID, VALUE_TEXT, FEATURE_CATEGORICAL},
	{BPCHAROID, VALUE_BPCHAR, FEATURE_CATEGORICAL},
	{NAMEOID, VALUE_NAME, FEATURE_CATEGORICAL},
	{UUIDOID, VALUE_UUID, FEATURE_CATEGORICAL},
	{DATEOID, VALUE_DATE, FEATURE_TIMESTAMP},
	{TIMESTAMPOID, VALUE_TIMESTAMP, FEATURE_TIMESTAMP},
	{TIMESTAMPTZOID, VALUE_TIMESTAMPTZ, FEATURE_TIMESTAMP},
	{BYTEAOID, VALUE_BYTEA, 0},
	{MONEYOID, VALUE_INT8, 0},
};

/* Conversion and kind of a base type; kind 0 when it cannot be a feature. */
static ValueCode
type_code(Oid base, FeatureKind *kind, Oid *element)
{
	*kind = 0;
	*element = InvalidOid;

	for (int i = 0; i < (int) lengthof(known_types); i++)
	{
		if (known_types[i].type == base)
		{
			*kind = known_types[i].kind;
			return known_types[i].code;
		}
	}

	*element = get_element_type(base);
	if (OidIsValid(*element))
	{
		if (!array_element_supported(*element))
			return VALUE_OTHER;
		*kind = FEATURE_VECTOR;
		return VALUE_ARRAY;
	}
	if (type_is_enum(base))
	{
		*kind = FEATURE_CATEGORICAL;
		return VALUE_ENUM;
	}
	if (OidIsValid(pgvector_cast(base)))
	{
		*kind = FEATURE_VECTOR;
		return VALUE_PGVECTOR;
	}
	if (get_typtype(base) == TYPTYPE_BASE && IsBinaryCoercible(base, TEXTOID))
	{
		*kind = FEATURE_CATEGORICAL;
		return VALUE_TEXT;
	}
	return VALUE_OTHER;
}

bool
value_supported(Oid type, FeatureKind *kind)
{
	Oid			element;

	type_code(getBaseType(type), kind, &element);
	return *kind != 0;
}

typedef struct EnumLabel
{
	Oid			oid;
	float		order;
	char	   *label;
} EnumLabel;

static int
enum_label_compare(const void *a, const void *b)
{
	Oid			x = ((const EnumLabel *) a)->oid;
	Oid			y = ((const EnumLabel *) b)->oid;

	return x < y ? -1 : x > y;
}

static void
load_enum(ValueReader *reader)
{
	CatCList   *list = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(reader->base_type));
	int			count = list->n_members;
	EnumLabel  *labels = palloc(sizeof(EnumLabel) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(&list->members[i]->tuple);

		labels[i].oid = form->oid;
		labels[i].order = form->enumsortorder;
		labels[i].label = pstrdup(NameStr(form->enumlabel));
	}
	ReleaseCatCacheList(list);
	qsort(labels, count, sizeof(EnumLabel), enum_label_compare);

	reader->enum_count = count;
	reader->enum_oids = palloc(sizeof(Oid) * Max(count, 1));
	reader->enum_labels = palloc(sizeof(char *) * Max(count, 1));
	reader->enum_order = palloc(sizeof(float) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		reader->enum_oids[i] = labels[i].oid;
		reader->enum_labels[i] = labels[i].label;
		reader->enum_order[i] = labels[i].order;
	}
	pfree(labels);
}

static void
load_zone(ValueReader *reader, const char *time_zone, const char *what)
{
	pg_tz	   *zone = time_zone == NULL ? session_timezone : pg_tzset(time_zone);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of %s is not known to this server", time_zone, what)));
	reader->zone = zone;
	reader->time_zone = pstrdup(time_zone != NULL ? time_zone : pg_get_timezone_name(zone));
}

static void
load_function(ValueReader *reader, Oid function)
{
	reader->cast_function = function;
	reader->cast_info = palloc(sizeof(FmgrInfo));
	fmgr_info(function, reader->cast_info);
}

static void
reader_init(ValueReader *reader, Oid type, int32 typmod)
{
	memset(reader, 0, sizeof(*reader));
	reader->type = type;
	reader->typmod = typmod;
	reader->base_type = getBaseTypeAndTypmod(type, &reader->typmod);
	reader->code = type_code(reader->base_type, &reader->kind, &reader->element_type);
	if (reader->code == VALUE_ENUM)
		load_enum(reader);
	else if (reader->code == VALUE_PGVECTOR)
		load_function(reader, pgvector_cast(reader->base_type));
}

void
value_reader_init(ValueReader *reader, Oid type, int32 typmod, const char *time_zone, const char *what)
{
	reader_init(reader, type, typmod);
	if (reader->kind == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s of type %s cannot be a feature", what, value_type_name(type, typmod)),
				 errhint("Cast it to a number, boolean, text, date or timestamp, or leave it out.")));
	if (reader->code == VALUE_TIMESTAMPTZ)
		load_zone(reader, time_zone, what);
}

void
value_hasher_init(ValueReader *reader, Oid type, int32 typmod)
{
	reader_init(reader, type, typmod);
	if (reader->code == VALUE_OTHER)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(reader->base_type, &output, &is_varlena);
		load_function(reader, output);
		reader->zone = pg_tzset("UTC");
	}
}

char *
value_type_name(Oid type, int32 typmod)
{
	return format_type_with_typemod(type, typmod);
}

/* ---------- reading and hashing ---------- */

void
value_read(const ValueReader *reader, Datum datum, bool isnull, double *scratch, FeatureValue *value, const char *what)
{
	int64		integer;

	memset(value, 0, sizeof(*value));
	if (isnull)
	{
		value->missing = true;
		return;
	}
	switch ((ValueCode) reader->code)
	{
		case VALUE_BOOL:
			value->number = DatumGetBool(datum) ? 1 : 0;
			break;
		case VALUE_INT2:
			value->number = DatumGetInt16(datum);
			break;
		case VALUE_INT4:
			value->number = DatumGetInt32(datum);
			break;
		case VALUE_INT8:
			value->number = (double) DatumGetInt64(datum);
			break;
		case VALUE_FLOAT4:
			value->number = DatumGetFloat4(datum) + 0.0;
			break;
		case VALUE_FLOAT8:
			value->number = DatumGetFloat8(datum) + 0.0;
			break;
		case VALUE_NUMERIC:
			value_numeric(datum, &value->number, &integer);
			break;
		case VALUE_INTERVAL:
			value->number = value_interval_seconds(datum);
			break;
		case VALUE_TEXT:
		case VALUE_BPCHAR:
		case VALUE_NAME:
		case VALUE_ENUM:
		case VALUE_UUID:
			value->text = text_bytes(reader, datum, &value->text_length);
			break;
		case VALUE_DATE:
			value->time = value_date_microseconds(DatumGetDateADT(datum));
			break;
		case VALUE_TIMESTAMP:
			value->time = DatumGetTimestamp(datum);
			break;
		case VALUE_TIMESTAMPTZ:
			value->time = value_local_microseconds(reader, DatumGetTimestampTz(datum));
			break;
		case VALUE_ARRAY:
		case VALUE_PGVECTOR:
			vector_read(reader, datum, scratch, value, what);
			break;
		case VALUE_CATEGORY:
			category_read(reader, datum, value);
			break;
		case VALUE_BYTEA:
		case VALUE_OTHER:
			elog(ERROR, "%s can only be hashed", what);
	}
}

/*
 * The text form, the same in all sessions: hashes of keys decide who is held out, whoever asks.  The variables are those
 * behind the settings; changing these for each value would take longer than everything else.
 */
static char *
settled_text(const ValueReader *reader, Datum datum)
{
	int			date_style = DateStyle;
	int			interval_style = IntervalStyle;
	int			digits = extra_float_digits;
	int			bytes = bytea_output;
	pg_tz	   *zone = session_timezone;
	char	   *text;

	PG_TRY();
	{
		DateStyle = USE_ISO_DATES;
		IntervalStyle = INTSTYLE_POSTGRES;
		extra_float_digits = 1;
		bytea_output = BYTEA_OUTPUT_HEX;
		session_timezone = reader->zone;
		text = OutputFunctionCall(reader->cast_info, datum);
	}
	PG_FINALLY();
	{
		DateStyle = date_style;
		IntervalStyle = interval_style;
		extra_float_digits = digits;
		bytea_output = bytes;
		session_timezone = zone;
	}
	PG_END_TRY();
	return text;
}

uint64
value_hash(const ValueReader *reader, Datum datum, bool isnull)
{
	if (isnull)
		return hash_null();
	switch ((ValueCode) (reader->code == VALUE_CATEGORY ? reader->number_code : reader->code))
	{
		case VALUE_CATEGORY:
			break;
		case VALUE_BOOL:
			return hash_bool(DatumGetBool(datum));
		case VALUE_INT2:
			return hash_int64(DatumGetInt16(datum));
		case VALUE_INT4:
			return hash_int64(DatumGetInt32(datum));
		case VALUE_INT8:
			return hash_int64(DatumGetInt64(datum));
		case VALUE_FLOAT4:
			return hash_double(DatumGetFloat4(datum));
		case VALUE_FLOAT8:
			return hash_double(DatumGetFloat8(datum));
		case VALUE_NUMERIC:
			{
				double		number;
				int64		integer;

				return value_numeric(datum, &number, &integer) ? hash_int64(integer) : hash_double(number);
			}
		case VALUE_INTERVAL:
			return hash_double(value_interval_seconds(datum));
		case VALUE_TEXT:
		case VALUE_BPCHAR:
		case VALUE_NAME:
		case VALUE_ENUM:
		case VALUE_UUID:
			{
				int			length;
				const char *text = text_bytes(reader, datum, &length);

				return hash_bytes(text, length);
			}
		case VALUE_DATE:
			return hash_time(value_date_microseconds(DatumGetDateADT(datum)));
		case VALUE_TIMESTAMP:
		case VALUE_TIMESTAMPTZ:
			return hash_time(DatumGetTimestamp(datum));
		case VALUE_ARRAY:
		case VALUE_PGVECTOR:
			return vector_hash(reader, datum);
		case VALUE_BYTEA:
			{
				struct varlena *packed = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(datum));

				return hash_bytes(VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
			}
		case VALUE_OTHER:
			{
				char	   *text = encoding_text_to_utf8(settled_text(reader, datum));

				return hash_bytes(text, strlen(text));
			}
	}
	elog(ERROR, "unknown value code %d", reader->code);
}
