/*
 * sections.h
 *	  The frame that models and states share: header and tagged sections.
 *	  Private to src/format; docs/MODEL_FORMAT.md is the specification.
 */
#ifndef FORMAT_SECTIONS_H
#define FORMAT_SECTIONS_H

#include "format/bytes.h"

#define FRAME_MAGIC_BYTES 8
#define FRAME_HEADER_BYTES 32
#define FRAME_CHECKSUM_AT 8		/* u32; covers every byte after itself */
#define FRAME_MAJOR_AT 12		/* u16 */
#define FRAME_MINOR_AT 14		/* u16 */
#define FRAME_LENGTH_AT 16		/* u64, of the whole value */
#define FRAME_FLAGS_AT 24		/* u32, zero */
#define FRAME_SECTIONS_AT 28	/* u32, how many sections follow */
#define SECTION_HEADER_BYTES 12 /* u32 tag, u64 length */

#define FORMAT_MAJOR 1
#define FORMAT_MINOR 0

/* Four letters; a capital first letter means that a reader must know the section. */
#define SECTION_TAG(a, b, c, d) \
	((uint32_t) (a) | (uint32_t) (b) << 8 | (uint32_t) (c) << 16 | (uint32_t) (d) << 24)

#define SECTION_HEAD SECTION_TAG('H', 'E', 'A', 'D')
#define SECTION_SCHEMA SECTION_TAG('S', 'C', 'H', 'M')
#define SECTION_TRANSFORM SECTION_TAG('X', 'F', 'R', 'M')
#define SECTION_TARGET SECTION_TAG('T', 'A', 'R', 'G')
#define SECTION_CALIBRATION SECTION_TAG('C', 'A', 'L', 'I')
#define SECTION_SPLIT SECTION_TAG('S', 'P', 'L', 'T')
#define SECTION_PARAMS SECTION_TAG('P', 'A', 'R', 'M')
#define SECTION_ARRAYS SECTION_TAG('A', 'R', 'R', 'Y')
#define SECTION_NUMBERS SECTION_TAG('N', 'U', 'M', 'B')
#define SECTION_LINEAR_STATE SECTION_TAG('L', 'I', 'N', 'S')

/* Bits of the mask that says which arrays of a FeatureTransform follow. */
#define TRANSFORM_HAS_IMPUTE (1 << 0)
#define TRANSFORM_HAS_LOW (1 << 1)
#define TRANSFORM_HAS_HIGH (1 << 2)
#define TRANSFORM_HAS_CENTER (1 << 3)
#define TRANSFORM_HAS_SPREAD (1 << 4)
#define TRANSFORM_HAS_DROPPED (1 << 5)
#define TRANSFORM_HAS_ALL ((1 << 6) - 1)

extern const uint8_t model_magic[FRAME_MAGIC_BYTES];
extern const uint8_t state_magic[FRAME_MAGIC_BYTES];

/* Writing: frame_begin, sections, frame_end. */
extern void frame_begin(ByteWriter *writer, CoreEnv *env, size_t prefix, const uint8_t magic[FRAME_MAGIC_BYTES]);
extern size_t section_begin(ByteWriter *writer, uint32_t tag);	/* position for section_end */
extern void section_end(ByteWriter *writer, size_t position);
extern CoreStatus frame_end(ByteWriter *writer, uint32_t nsections);

/* Reading. `what` is "model" or "state", for messages. */
typedef struct Frame
{
	CoreEnv    *env;
	const char *what;
	ByteReader	reader;			/* at the next section */
	uint32_t	left;			/* sections not yet read */
	bool		newer;			/* a later minor version: unknown ancillary sections are no news */
} Frame;

extern CoreStatus frame_open(CoreEnv *env, Frame *frame, const char *what, const uint8_t magic[FRAME_MAGIC_BYTES],
							 const uint8_t *bytes, size_t length, bool skip_checksum);
/* A reader over the payload of the next section that has this tag; skips what may be skipped. */
extern CoreStatus frame_section(Frame *frame, uint32_t tag, ByteReader *payload);
/* The section was read to its last byte without failure. */
extern CoreStatus frame_section_done(Frame *frame, uint32_t tag, const ByteReader *payload);
/* Nothing but skippable sections is left. */
extern CoreStatus frame_close(Frame *frame);
/* Puts "invalid WHAT: " before the message of a check that knows nothing of bytes; returns `status`. */
extern CoreStatus frame_explain(const Frame *frame, CoreStatus status);
/* CORE_CORRUPT, or CORE_NO_MEMORY if that is why the reader failed. */
extern CoreStatus frame_fail(const Frame *frame, const ByteReader *payload, const char *format, ...) CORE_PRINTF(3, 4);

#endif							/* FORMAT_SECTIONS_H */
