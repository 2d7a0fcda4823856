-- Test data: schema crm with the demo's table, schema test with the others. From the top directory:
--   psql -f test/data/load.sql
-- An empty field is NULL.

\set ON_ERROR_STOP on

\ir ../../docs/quickstart/customers.sql

CREATE SCHEMA test;

CREATE TABLE test.ames (
	id integer PRIMARY KEY,
	ms_subclass text,
	ms_zoning text,
	lot_frontage smallint,
	lot_area integer,
	street text,
	alley text,
	lot_shape text,
	land_contour text,
	utilities text,
	lot_config text,
	land_slope text,
	neighborhood text,
	condition_1 text,
	condition_2 text,
	bldg_type text,
	house_style text,
	overall_cond text,
	year_built smallint,
	year_remod_add smallint,
	roof_style text,
	roof_matl text,
	exterior_1st text,
	exterior_2nd text,
	mas_vnr_type text,
	mas_vnr_area smallint,
	exter_cond text,
	foundation text,
	bsmt_cond text,
	bsmt_exposure text,
	bsmtfin_type_1 text,
	bsmtfin_sf_1 smallint,
	bsmtfin_type_2 text,
	bsmtfin_sf_2 smallint,
	bsmt_unf_sf smallint,
	total_bsmt_sf smallint,
	heating text,
	heating_qc text,
	central_air text,
	electrical text,
	first_flr_sf smallint,
	second_flr_sf smallint,
	gr_liv_area smallint,
	bsmt_full_bath smallint,
	bsmt_half_bath smallint,
	full_bath smallint,
	half_bath smallint,
	bedroom_abvgr smallint,
	kitchen_abvgr smallint,
	totrms_abvgrd smallint,
	functional text,
	fireplaces smallint,
	garage_type text,
	garage_finish text,
	garage_cars smallint,
	garage_area smallint,
	garage_cond text,
	paved_drive text,
	wood_deck_sf smallint,
	open_porch_sf smallint,
	enclosed_porch smallint,
	three_season_porch smallint,
	screen_porch smallint,
	pool_area smallint,
	pool_qc text,
	fence text,
	misc_feature text,
	misc_val smallint,
	mo_sold smallint,
	year_sold smallint,
	sale_type text,
	sale_condition text,
	sale_price integer,
	longitude float8,
	latitude float8
);
\copy test.ames FROM 'test/data/ames.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.diamonds (
	id integer PRIMARY KEY,
	carat float8,
	cut text,
	color text,
	clarity text,
	depth float8,
	"table" float8,
	price smallint,
	x float8,
	y float8,
	z float8
);
\copy test.diamonds FROM 'test/data/diamonds.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.pima_diabetes (
	id integer PRIMARY KEY,
	pregnant smallint,
	glucose smallint,
	pressure smallint,
	triceps smallint,
	insulin smallint,
	mass float8,
	pedigree float8,
	age smallint,
	diabetes text
);
\copy test.pima_diabetes FROM 'test/data/pima_diabetes.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.chicago (
	id integer PRIMARY KEY,
	ridership float8,
	austin float8,
	quincy_wells float8,
	belmont float8,
	archer_35th float8,
	oak_park float8,
	western float8,
	clark_lake float8,
	clinton float8,
	merchandise_mart float8,
	irving_park float8,
	washington_wells float8,
	harlem float8,
	monroe float8,
	polk float8,
	ashland float8,
	kedzie float8,
	addison float8,
	jefferson_park float8,
	montrose float8,
	california float8,
	temp_min float8,
	temp float8,
	temp_max float8,
	temp_change float8,
	dew float8,
	humidity float8,
	pressure float8,
	pressure_change float8,
	wind float8,
	wind_max float8,
	gust float8,
	gust_max float8,
	percip float8,
	percip_max float8,
	weather_rain float8,
	weather_snow float8,
	weather_cloud float8,
	weather_storm float8,
	blackhawks_away smallint,
	blackhawks_home smallint,
	bulls_away smallint,
	bulls_home smallint,
	bears_away smallint,
	bears_home smallint,
	whitesox_away smallint,
	whitesox_home smallint,
	cubs_away smallint,
	cubs_home smallint,
	date date
);
\copy test.chicago FROM 'test/data/chicago_ridership.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.longley (
	y float8,
	x1 float8,
	x2 float8,
	x3 float8,
	x4 float8,
	x5 float8,
	x6 float8
);
\copy test.longley FROM 'test/data/nist/longley.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.wampler1 (
	y float8,
	x float8
);
\copy test.wampler1 FROM 'test/data/nist/wampler1.csv' WITH (FORMAT csv, HEADER true)

CREATE TABLE test.wampler2 (
	y float8,
	x float8
);
\copy test.wampler2 FROM 'test/data/nist/wampler2.csv' WITH (FORMAT csv, HEADER true)
