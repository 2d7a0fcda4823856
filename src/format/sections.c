/*
 * sections.c
 *	  The frame that models and states share: a header of 32 bytes with magic,
 *	  checksum, version and length, then tagged sections with their lengths.
 *
 * Sections stand in one order.  A later minor version may add sections; those
 * whose tag begins with a small letter carry nothing that scoring needs and are
 * skipped by a reader that does not know them.  A later major version is
 * refused.  See docs/MODEL_FORMAT.md.
 */
#include "format/sections.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/model_format.h"

/* A byte with the high bit set and a line feed: transfers that mangle text are caught at once. */
const uint8_t model_magic[FRAME_MAGIC_BYTES] = {0x8D, 'M', 'L', 'O', 'P', 'S', '\n', 'M'};
const uint8_t state_magic[FRAME_MAGIC_BYTES] = {0x8D, 'M', 'L', 'O', 'P', 'S', '\n', 'S'};

void
frame_begin(ByteWriter *writer, CoreEnv *env, size_t prefix, const uint8_t magic[FRAME_MAGIC_BYTES])
{
	writer_init(writer, env, prefix);
	write_bytes(writer, magic, FRAME_MAGIC_BYTES);
	write_u32(writer, 0);		/* checksum */
	write_u16(writer, FORMAT_MAJOR);
	write_u16(writer, FORMAT_MINOR);
	write_u64(writer, 0);		/* length */
	write_u32(writer, 0);		/* flags */
	write_u32(writer, 0);		/* sections */
}

size_t
section_begin(ByteWriter *writer, uint32_t tag)
{
	write_u32(writer, tag);
	write_u64(writer, 0);
	return writer->length;
}

void
section_end(ByteWriter *writer, size_t position)
{
	uint8_t		length[8];

	put_u64(length, writer->length - position);
	writer_patch(writer, position - sizeof(length), length, sizeof(length));
}

CoreStatus
frame_end(ByteWriter *writer, uint32_t nsections)
{
	size_t		start = writer->reserved_prefix;
	size_t		covered = start + FRAME_CHECKSUM_AT + 4;
	uint8_t		bytes[8];

	put_u64(bytes, writer->length - start);
	writer_patch(writer, start + FRAME_LENGTH_AT, bytes, 8);
	put_u32(bytes, nsections);
	writer_patch(writer, start + FRAME_SECTIONS_AT, bytes, 4);
	if (writer->status == CORE_OK)
	{
		put_u32(bytes, checksum_crc32c_polled(writer->env, writer->data + covered, writer->length - covered));
		writer_patch(writer, start + FRAME_CHECKSUM_AT, bytes, 4);
	}
	return writer->status;
}

CoreStatus
frame_fail(const Frame *frame, const ByteReader *payload, const char *format, ...)
{
	char		reason[256];
	va_list		args;

	if (payload != NULL && payload->no_memory)
		return CORE_NO_MEMORY;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return env_fail(frame->env, CORE_CORRUPT, "invalid %s: %s", frame->what, reason);
}

CoreStatus
frame_explain(const Frame *frame, CoreStatus status)
{
	char		reason[sizeof(frame->env->message)];

	if (status != CORE_CORRUPT)
		return status;
	memcpy(reason, frame->env->message, sizeof(reason));
	return env_fail(frame->env, status, "invalid %s: %s", frame->what, reason);
}

static CoreStatus
check_version(const Frame *frame, int major, int minor)
{
	if (major == 0)
		return frame_fail(frame, NULL, "format version is 0");
	if (major > FORMAT_MAJOR)
	{
		env_fail(frame->env, CORE_UNSUPPORTED, "%s has format version %d.%d, but this version of mlops reads up to %d.%d",
				 frame->what, major, minor, FORMAT_MAJOR, FORMAT_MINOR);
		return env_hint(frame->env, CORE_UNSUPPORTED, "Update the mlops extension on this server.");
	}
	return CORE_OK;
}

CoreStatus
frame_open(CoreEnv *env, Frame *frame, const char *what, const uint8_t magic[FRAME_MAGIC_BYTES],
		   const uint8_t *bytes, size_t length, bool skip_checksum)
{
	uint16_t	major;
	uint16_t	minor;
	uint32_t	checksum;

	frame->env = env;
	frame->what = what;
	reader_init(&frame->reader, bytes, length);
	if (length < FRAME_MAGIC_BYTES || memcmp(bytes, magic, FRAME_MAGIC_BYTES) != 0)
		return frame_fail(frame, NULL, "the bytes do not begin as those of a %s do", what);
	if (length < FRAME_HEADER_BYTES)
		return frame_fail(frame, NULL, "%zu bytes are less than a header", length);
	if (length > MODEL_MAX_BYTES)
		return frame_fail(frame, NULL, "%zu bytes exceed the limit of %zu", length, MODEL_MAX_BYTES);
	read_span(&frame->reader, FRAME_CHECKSUM_AT);
	checksum = read_u32(&frame->reader);
	major = read_u16(&frame->reader);
	minor = read_u16(&frame->reader);
	CORE_TRY(check_version(frame, major, minor));
	frame->newer = minor > FORMAT_MINOR;
	if (read_u64(&frame->reader) != length)
		return frame_fail(frame, NULL, "its length is not that of the %zu bytes given", length);
	if (read_u32(&frame->reader) != 0)
		return frame_fail(frame, NULL, "unknown flags");
	frame->left = read_u32(&frame->reader);
	if (!skip_checksum &&
		checksum_crc32c_polled(env, bytes + FRAME_CHECKSUM_AT + 4, length - FRAME_CHECKSUM_AT - 4) != checksum)
		return frame_fail(frame, NULL, "the checksum does not match");
	return CORE_OK;
}

/* A tag for messages, whatever its bytes. */
static const char *
tag_text(uint32_t tag, char text[5])
{
	for (int i = 0; i < 4; i++)
	{
		char		c = (char) (tag >> (8 * i));

		text[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	text[4] = '\0';
	return text;
}

/* Reads the header of the next section. */
static CoreStatus
next_section(Frame *frame, uint32_t *tag, ByteReader *payload)
{
	uint64_t	length;
	const uint8_t *span;
	char		text[5];

	frame->left--;
	*tag = read_u32(&frame->reader);
	length = read_u64(&frame->reader);
	span = length <= reader_left(&frame->reader) ? read_span(&frame->reader, (size_t) length) : NULL;
	if (span == NULL)
		return frame_fail(frame, NULL, "section \"%s\" is longer than the bytes given", tag_text(*tag, text));
	reader_init(payload, span, (size_t) length);
	return CORE_OK;
}

static bool
may_skip(const Frame *frame, uint32_t tag)
{
	char		first = (char) (tag & 0xFF);

	return frame->newer && first >= 'a' && first <= 'z';
}

CoreStatus
frame_section(Frame *frame, uint32_t tag, ByteReader *payload)
{
	uint32_t	found = 0;
	char		text[5];

	while (frame->left > 0)
	{
		env_poll(frame->env);
		CORE_TRY(next_section(frame, &found, payload));
		if (found == tag)
			return CORE_OK;
		if (!may_skip(frame, found))
			return frame_fail(frame, NULL, "unexpected section \"%s\"", tag_text(found, text));
	}
	return frame_fail(frame, NULL, "section \"%s\" is absent", tag_text(tag, text));
}

CoreStatus
frame_section_done(Frame *frame, uint32_t tag, const ByteReader *payload)
{
	char		text[5];

	if (payload->failed || payload->position != payload->length)
		return frame_fail(frame, payload, "section \"%s\" has a wrong length, count or string", tag_text(tag, text));
	return CORE_OK;
}

CoreStatus
frame_close(Frame *frame)
{
	uint32_t	tag;
	ByteReader	payload;
	char		text[5];

	while (frame->left > 0)
	{
		env_poll(frame->env);
		CORE_TRY(next_section(frame, &tag, &payload));
		if (!may_skip(frame, tag))
			return frame_fail(frame, NULL, "unexpected section \"%s\"", tag_text(tag, text));
	}
	if (reader_left(&frame->reader) != 0)
		return frame_fail(frame, NULL, "%zu bytes follow the last section", reader_left(&frame->reader));
	return CORE_OK;
}
