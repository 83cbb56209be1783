/**
 * The version of the rules by which record batches become records: which offsets, keys, values and times a given batch
 * gives, and which batches are set aside whole. Raise it with any change in that, and only then: archives name it in
 * their headers, and a worker that meets a newer one leaves the partition to the workers that know it.
 */
export const BYTE_READER_VERSION = 1
