/*
 * test_model_json.c: the JSON view is JSON whatever a model holds, and says what is in it.
 */
#include <math.h>
#include <string.h>

#include "format/json_writer.h"
#include "format/model_format.h"
#include "fixture.h"
#include "support.h"

static const char *skip_value(const char *p);

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

/* RFC 8259, section 7; NULL for what is no string. */
static const char *
skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++)
	{
		if ((unsigned char) *p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u')
		{
			for (int i = 0; i < 4; i++)
			{
				p++;
				if (*p == '\0' || strchr("0123456789abcdefABCDEF", *p) == NULL)
					return NULL;
			}
		}
		else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
			return NULL;
	}
	return p + 1;
}

static const char *
skip_digits(const char *p)
{
	if (*p < '0' || *p > '9')
		return NULL;
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Section 6. */
static const char *
skip_number(const char *p)
{
	if (*p == '-')
		p++;
	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return NULL;
	p = skip_digits(p);
	if (p != NULL && *p == '.')
		p = skip_digits(p + 1);
	if (p != NULL && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (*p == '+' || *p == '-')
			p++;
		p = skip_digits(p);
	}
	return p;
}

static const char *
skip_members(const char *p, char end)
{
	p = skip_blanks(p + 1);
	if (*p == end)
		return p + 1;
	for (;;)
	{
		if (end == '}')
		{
			p = skip_string(skip_blanks(p));
			if (p == NULL || *(p = skip_blanks(p)) != ':')
				return NULL;
			p++;
		}
		p = skip_value(p);
		if (p == NULL)
			return NULL;
		p = skip_blanks(p);
		if (*p == end)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

/* Past one JSON value, or NULL. */
static const char *
skip_value(const char *p)
{
	static const char *const words[] = {"null", "true", "false"};

	p = skip_blanks(p);
	if (*p == '{')
		return skip_members(p, '}');
	if (*p == '[')
		return skip_members(p, ']');
	if (*p == '"')
		return skip_string(p);
	for (int i = 0; i < 3; i++)
	{
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	}
	return skip_number(p);
}

static void
assert_json(const char *text)
{
	const char *end = skip_value(text);

	if (end == NULL || *skip_blanks(end) != '\0')
		fail_msg("no JSON: %.300s", text);
	assert_true(utf8_valid(text, strlen(text)));
}

static void
assert_contains(const char *json, const char *part)
{
	if (strstr(json, part) == NULL)
		fail_msg("no %s in %.2000s", part, json);
}

/* The checker itself can say no. */
static void
the_checker_checks(void **state)
{
	static const char *const bad[] = {
		"", "{", "{]", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", ".5", "1e", "nul", "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "[1 2]", "{a:1}"
	};

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		const char *end = skip_value(bad[i]);

		assert_true(end == NULL || *end != '\0');
	}
	assert_json("{\"a\": [1, -0.5e+3, \"\\u00e9\\\"\", {}, [], null], \"b\": true}");
}

static void
numbers_and_strings(void **state)
{
	CoreEnv    *env = *state;
	JsonWriter	json;
	char	   *text;

	json_init(&json, env);
	json_open(&json, NULL, '[');
	json_number(&json, NULL, 0.1);
	json_number(&json, NULL, 1.0 / 3);
	json_number(&json, NULL, -2);
	json_number(&json, NULL, 1e300);
	json_number(&json, NULL, 5e-324);
	json_number(&json, NULL, NAN);
	json_number(&json, NULL, -INFINITY);
	json_integer(&json, NULL, INT64_MIN);
	json_boolean(&json, NULL, false);
	json_string(&json, NULL, NULL);
	json_string(&json, NULL, "a\"b\\c\n\x01\x7F\xC3\xA9");
	json_open(&json, NULL, '{');
	json_string(&json, "k\"", "");
	json_close(&json, '}');
	json_close(&json, ']');
	assert_ok(env, json_finish(&json, &text));
	assert_json(text);
	assert_string_equal(text, "[0.1, 0.3333333333333333, -2, 1e+300, 4.94065645841247e-324, null, \"-Infinity\", -9223372036854775808, false, null, "
						"\"a\\\"b\\\\c\\u000a\\u0001\x7F\xC3\xA9\", {\"k\\\"\": \"\"}]");
}

static void
long_lists_are_shortened(void **state)
{
	CoreEnv    *env = *state;
	static double numbers[JSON_LIST_MAX + 1];
	JsonWriter	json;
	char	   *text;

	for (int i = 0; i <= JSON_LIST_MAX; i++)
		numbers[i] = i;
	json_init(&json, env);
	json_numbers(&json, NULL, numbers, JSON_LIST_MAX + 1);
	assert_ok(env, json_finish(&json, &text));
	assert_string_equal(text, "{\"length\": 1001, \"first\": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}");
	json_init(&json, env);
	json_numbers(&json, NULL, numbers, JSON_LIST_MAX);
	assert_ok(env, json_finish(&json, &text));
	assert_json(text);
	assert_contains(text, ", 999]");
}

static void
check_model(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant)
{
	static const char *const keys[] = {
		"\"task\": ", "\"link\": ", "\"seed\": 42", "\"rows\": 400", "\"params\": {", "\"arrays\": {", "\"fit_statistics\": {",
		"\"name\": \"the \\\"target\\\"\"", "\"time_zone\": \"Europe/Berlin\"",
		"\"say \\\"hi\\\"\\\\ and\\u000abye\"", "\"gr\xC3\xB6\xC3\x9F" "te\"", "\"part\": \"age\"", "\"reference\": \"today\"",
		"\"dropped_elements\": 1", "\"type\": \"double precision\""
	};
	static const char *const plain[] = {"\"calibration\": null", "\"cutoff\": \"2003-11-29T21:33:09.012345\"", "\"part\": \"month\""};
	static const char *const rich[] = {
		"\"method\": \"stratified\"", "\"limits\": [0.21, 0.19]", "\"map\": \"bins\"", "\"edges\": [", "\"map\": \"log1p\"",
		"\"scale\": \"standard\"", "\"encode\": \"target\"", "\"codes\": [", "\"part\": \"weekday\"", "\"scale\": \"robust\""
	};
	size_t		count = variant == FIXTURE_RICH ? sizeof(rich) / sizeof(rich[0]) : sizeof(plain) / sizeof(plain[0]);
	Model	   *model = fixture_model(env, algorithm, task, variant, NULL);
	char	   *text;

	assert_ok(env, model_to_json(env, model, &text));
	assert_json(text);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_contains(text, keys[i]);
	for (size_t i = 0; i < count; i++)
		assert_contains(text, variant == FIXTURE_RICH ? rich[i] : plain[i]);
	assert_contains(text, algorithm->name);
	assert_contains(text, task_name(task));
	for (int i = 0; i < model->nnumbers; i++)
		assert_contains(text, model->numbers[i].name);
	for (int i = 0; i < model->narrays; i++)
		assert_contains(text, model->arrays[i].name);
}

static void
models(void **state)
{
	fixture_each(*state, check_model);
}

/* What cannot be shown as it is stored. */
static void
awkward_model(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = fixture_model(env, algorithm_at(0), TASK_REGRESSION, FIXTURE_PLAIN, NULL);
	static double knots_x[] = {0, 0.5, 1};
	static double knots_y[] = {0.1, 0.1, 0.9};
	char	   *text;

	model->numbers[0].value = NAN;
	model->numbers[1].value = INFINITY;
	model->calibration.method = CALIBRATE_ISOTONIC;
	model->calibration.nknots = 3;
	model->calibration.x = knots_x;
	model->calibration.y = knots_y;
	model->target.map = TARGET_YEO_JOHNSON;
	model->target.lambda = 0.25;
	model->target.name = NULL;
	model->split.cutoff = INT64_C(-1);
	model->seed = UINT64_MAX;
	assert_ok(env, model_to_json(env, model, &text));
	assert_json(text);
	assert_contains(text, ": null");
	assert_contains(text, ": \"Infinity\"");
	assert_contains(text, "\"x\": [0, 0.5, 1], \"y\": [0.1, 0.1, 0.9]");
	assert_contains(text, "\"transform\": \"yeo-johnson\", \"lambda\": 0.25");
	assert_contains(text, "\"target\": {\"name\": null");
	assert_contains(text, "\"cutoff\": \"1999-12-31T23:59:59.999999\"");
	assert_contains(text, "\"seed\": -1");
	model->split.cutoff = INT64_MAX;
	assert_ok(env, model_to_json(env, model, &text));
	assert_contains(text, "\"cutoff\": \"infinity\"");
}

/* Means and standard deviations as computed from the rows. */
static void
states(void **state)
{
	CoreEnv    *env = *state;
	static const double x[] = {1, 2, 3, 4, 10, 10, 10, 30};	/* two terms */
	static const double y[] = {2, 4, 4, 6};
	size_t		size;
	size_t		doubles;
	LinearState *linear;
	char	   *text;

	assert_true(linear_state_size(2, &size) && linear_workspace_size(2, 4, &doubles));
	linear = env_alloc(env, size, 1);
	linear_state_init(linear, 2);
	assert_ok(env, state_to_json(env, linear, &text));
	assert_json(text);
	assert_contains(text, "\"rows\": 0");
	assert_contains(text, "\"standard_deviations\": [null, null]");
	assert_ok(env, linear_state_add(env, linear, 4, x, 4, y, NULL, env_alloc(env, doubles, sizeof(double))));
	assert_ok(env, state_to_json(env, linear, &text));
	assert_json(text);
	assert_contains(text, "\"kind\": \"linear\", \"terms\": 2, \"rows\": 4, \"weight\": 4");
	assert_contains(text, "\"means\": [2.5, 15]");
	/* sqrt(5/4), sqrt(300/4) and sqrt(8/4), up to the last digits */
	assert_contains(text, "1.1180339887498");
	assert_contains(text, "8.6602540378443");
	assert_contains(text, "\"target\": {\"mean\": 4, \"standard_deviation\": 1.4142135623730");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_checker_checks),
		TEST(numbers_and_strings),
		TEST(long_lists_are_shortened),
		TEST(models),
		TEST(awkward_model),
		TEST(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
