/*
 * zipfile.h - the zip container, as far as .npz files need it.
 *
 * Reads archives whose entries are stored or deflated, from memory (usually a mapped file): a
 * stored entry is a view into it, so arrays larger than memory work. Writes archives of stored
 * entries with a fixed time: equal contents give equal bytes. No encryption, no spanning.
 *
 * Source: PKWARE APPNOTE.TXT 6.3.10 (sections 4.3, 4.5.3).
 */
#ifndef ONNXTUNE_DATA_ZIPFILE_H
#define ONNXTUNE_DATA_ZIPFILE_H

#include "base/file.h"
#include "base/text.h"

struct zipfile_entry {
	const char *name;
	const uint8_t *packed; /* inside the archive */
	uint64_t packed_size;
	uint64_t size; /* unpacked */
	uint32_t crc;
	bool deflated;
};

struct zipfile {
	struct zipfile_entry *entries; /* in the order of the directory */
	uint32_t n;
	struct arena arena;
};

/*
 * Reads the directory. The bytes must outlive `out`. ERR_INPUT when it is not a whole archive or
 * an entry lies outside, two entries have one name, or a size can't be true (deflate packs at
 * most 1:1032, so a small file can't ask for a large allocation); ERR_UNSUPPORTED for encryption
 * and other methods.
 */
enum status MUST_CHECK zipfile_open(const uint8_t *data, size_t size, struct zipfile *out,
				    struct error *err);
void zipfile_release(struct zipfile *zip);

/*
 * The bytes of an entry, their CRC checked: *out is a view (*owned is NULL), or memory that the
 * caller frees (*owned, 64-byte aligned).
 */
enum status MUST_CHECK zipfile_read(const struct zipfile_entry *entry, const uint8_t **out,
				    void **owned, struct error *err);

/* A piece of an entry's bytes. */
struct zipfile_part {
	const void *data;
	size_t size;
};

struct zipfile_writer {
	struct file_writer file;
	struct text directory; /* private: the central directory so far */
	uint64_t n;
	uint32_t crc; /* private: of all bytes so far */
};

/* The archive appears under its name at zipfile_commit, or never (zipfile_abandon). */
enum status MUST_CHECK zipfile_create(const char *path, struct zipfile_writer *out,
				      struct error *err);
/* Adds an entry made of the parts one after the other. */
enum status MUST_CHECK zipfile_add(struct zipfile_writer *w, const char *name,
				   const struct zipfile_part *parts, uint32_t n_parts,
				   struct error *err);
enum status MUST_CHECK zipfile_commit(struct zipfile_writer *w, struct error *err);

/*
 * A sealed archive ends with a comment that holds the CRC-32 of every byte before it: no change of
 * the file goes unseen, also where zip itself does not look. zipfile_check_seal reads it all;
 * ERR_INPUT when it is torn, changed or was not sealed.
 */
enum status MUST_CHECK zipfile_commit_sealed(struct zipfile_writer *w, struct error *err);
enum status MUST_CHECK zipfile_check_seal(const uint8_t *data, size_t size, struct error *err);
void zipfile_abandon(struct zipfile_writer *w);

#endif
