/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_write.c: accesses to blocks that are free, and beyond the ends of blocks that are out. */
#include <string.h>

#include "crime.h"
#include "touch.h"

/* A block that has just been put, and is the next to be got; others are out, and free. */
static unsigned char *
write_stale(struct scene *s)
{
    unsigned char *block;

    place_take(&s->scene);
    place_take(&s->scene);
    block = place_take(&s->scene);
    place_give(&s->scene, block);
    return block;
}

static void
write_first_byte(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_write(block, 0x99);
}

static void
write_wild_link(struct scene *s)
{
    touch_word(write_stale(s), (uintptr_t)0xdeadbeefdeadbeef);
}

static void
write_misaligned_link(struct scene *s)
{
    touch_word(write_stale(s), (uintptr_t)place_block(&s->scene, 9) + 1);
}

static void
write_others_link(struct scene *s)
{
    touch_word(write_stale(s), (uintptr_t)place_block(&s->bystander, 3));
}

/* As memset() of a whole block does: the list seems to end there. */
static void
write_null_link(struct scene *s)
{
    touch_word(write_stale(s), 0);
}

/* The list leads from the block to itself. */
static void
write_cycle(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_word(block, (uintptr_t)block);
}

/* The link of a good block that is out: the next get but one gives it again. */
static void
write_held_link(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_word(block, (uintptr_t)s->scene.held[0].block);
}

/* A link to a free block further down: those between are lost. */
static void
write_skipping_link(struct scene *s)
{
    touch_word(write_stale(s), (uintptr_t)place_block(&s->scene, 9));
}

/* Where a free block's key is: in a cached pool of large blocks on one of many lines. */
static unsigned char *
write_key_of(struct scene *s, unsigned char *block)
{
    const struct os_mempool *mp = s->scene.pool;
    size_t mask = (size_t)mp->osmp_key_lines * 64;

    return block + ((uintptr_t)block / 64 & mask) + sizeof(void *);
}

static void
write_key(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_word(write_key_of(s, block), 0x77);
}

/* The key is gone, and then the block is put again. */
static void
write_key_and_put(struct scene *s)
{
    unsigned char *block = write_stale(s);
    os_error_t error;

    touch_word(write_key_of(s, block), 0);
    error = os_memblock_put(s->scene.pool, block);
    if (error != OS_OK) {
        scene_expect(s, error, OS_INVALID_PARM);
    }
}

static void
write_middle(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_write(block + place_stride(&s->scene) / 2, 0x99);
}

static void
write_last_byte(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_write(block + place_stride(&s->scene) - 1, 0x99);
}

static void
write_all_zero(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_fill(block, 0, place_stride(&s->scene));
}

static void
write_all_ones(struct scene *s)
{
    unsigned char *block = write_stale(s);

    touch_fill(block, 0xff, place_stride(&s->scene));
}

/* A free block that was never out. */
static void
write_never_got(struct scene *s)
{
    place_take(&s->scene);
    place_take(&s->scene);
    touch_fill(place_block(&s->scene, SCENE_BLOCKS - 2), 0x99, place_stride(&s->scene));
}

/* Through a pointer from before a clear. */
static void
write_after_clear(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    os_mempool_clear(s->scene.pool);
    place_forget(&s->scene, block);
    place_take(&s->scene);
    touch_fill(place_block(&s->scene, 1), 0x99, place_stride(&s->scene));
}

static void
read_stale(struct scene *s)
{
    touch_read(write_stale(s) + place_stride(&s->scene) - 1);
}

/* The block is somebody else's by now. */
static void
write_to_next_user(struct scene *s)
{
    unsigned char *block = write_stale(s);

    place_take(&s->scene);
    touch_write(block + place_stride(&s->scene) - 1, 0x99);
    place_forget(&s->scene, block);
    os_memblock_put(s->scene.pool, block);
}

/* From block 1, which is out; block 2 is free. */
static unsigned char *
write_end(struct scene *s)
{
    place_take(&s->scene);
    return (unsigned char *)place_take(&s->scene) + place_stride(&s->scene);
}

static void
overrun_by_one(struct scene *s)
{
    unsigned char *end = write_end(s);

    touch_write(end, 0x99);
}

static void
overrun_by_word(struct scene *s)
{
    touch_fill(write_end(s), 0, sizeof(void *));
}

static void
overrun_by_block(struct scene *s)
{
    touch_fill(write_end(s), 0x99, place_stride(&s->scene));
}

/* The neighbour is out, too: it is its user who has the damage. */
static void
overrun_into_held(struct scene *s)
{
    unsigned char *end = write_end(s);
    unsigned char *block = place_take(&s->scene);

    touch_write(end, 0x99);
    touch_write(end, *block == 0x99 ? 0x99 : *block);
    place_forget(&s->scene, block);
    os_memblock_put(s->scene.pool, block);
}

/* Beyond the last block lies memory that is not the pool's. */
static void
overrun_of_last(struct scene *s)
{
    s->guard_is_spoilt = true;
    while (s->scene.n_held < SCENE_BLOCKS) {
        place_take(&s->scene);
    }
    touch_write(place_block(&s->scene, SCENE_BLOCKS - 1) + place_stride(&s->scene), 0x99);
}

/* In front of a block that is out, into a free one. */
static void
underrun_by_one(struct scene *s)
{
    unsigned char *first, *block;

    place_take(&s->scene);
    first = place_take(&s->scene);
    block = place_take(&s->scene);
    place_give(&s->scene, first);
    touch_write(block - 1, 0x99);
    place_give(&s->scene, block);
}

static void
underrun_of_first(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    s->guard_is_spoilt = true;
    touch_write(block - 1, 0x99);
    place_give(&s->scene, block);
}

/* A pool of 20 blocks of 37 bytes: bytes 37 to 39 of each are nobody's. Two are out, and one of
 * them was written too far. */
static struct {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(20, 37)];
    unsigned char *good, *bad;
} rounded;

static void
overrun_rounded(void)
{
    os_mempool_init(&rounded.pool, 20, 37, rounded.buffer, "rounded");
    rounded.good = os_memblock_get(&rounded.pool);
    rounded.bad = os_memblock_get(&rounded.pool);
    touch_write(rounded.bad + 37, 0x99);
}

static void
overrun_in_rounding(struct scene *s)
{
    overrun_rounded();
    os_memblock_put(&rounded.pool, rounded.good);
    scene_say("stage put");
    os_memblock_put(&rounded.pool, rounded.bad);
    os_memblock_put(&rounded.pool, os_memblock_get(&rounded.pool));
    os_mempool_unregister(&rounded.pool);
}

static void
overrun_then_clear(struct scene *s)
{
    overrun_rounded();
    os_mempool_clear(&rounded.pool);
    os_mempool_unregister(&rounded.pool);
}

static void
overrun_then_end(struct scene *s)
{
    overrun_rounded();
    os_mempool_unregister(&rounded.pool);
}

/* And a block that is out holds by chance what would be its mark. It cannot be told from those that
 * are free, so none of these is handed out. */
static void
write_link_beside_forged(struct scene *s)
{
    unsigned char *forged = place_take(&s->scene);
    uintptr_t mark = s->scene.pool->osmp_secret ^ (uintptr_t)forged;
    unsigned char *block;

    place_forget(&s->scene, forged);
    memcpy(forged + sizeof(mark), &mark, sizeof(mark));
    touch_word(write_stale(s), (uintptr_t)0xdeadbeefdeadbeef);
    block = os_memblock_get(s->scene.pool);
    if (block == forged) {
        scene_say("corrupt a block was handed out twice");
    } else if (block != NULL) {
        os_memblock_put(s->scene.pool, block);
    }
    place_give(&s->scene, forged);
}

/* A list that a get finds damaged: made anew, or, of one-word blocks, cut off. */
#define REPAIRED(function, text, small)                                                            \
    CRIME(function, text, KINDS_LISTED & ~KIND_ONE_WORD, 0, "repair",                              \
          FOUND("is_sane false, damaged list at get", "write after put at put",                    \
                "write after put at get")),                                                        \
        CRIME_AS(function##_small, function, text ", of one-word blocks", KIND_ONE_WORD, 0,        \
                 "link",                                                                           \
                 FOUND("is_sane false, damaged list at get, " small, "write after put at put",     \
                       "write after put at get"))

const struct crime crimes_write[] = {
    REPAIRED(write_first_byte, "the first byte of a free block", "lost"),
    CRIME_AS(write_first_byte_cached, write_first_byte, "the same, the block being in a cache",
             KINDS_CACHED, 0, NULL,
             ANSWERS("silent", "write after put at put", "write after put at get",
                     "write after put at put", "trap")),
    REPAIRED(write_wild_link, "a wild address over the link", "lost"),
    REPAIRED(write_misaligned_link, "an address inside a block over the link", "lost"),
    REPAIRED(write_others_link, "another pool's block over the link", "lost"),
    REPAIRED(write_null_link, "NULL over the link", "lost"),
    REPAIRED(write_cycle, "its own address over the link", "corrupt"),
    CRIME(write_held_link, "the address of a block that is out over the link",
          KINDS_LISTED & ~KIND_ONE_WORD, 0, NULL,
          FOUND("is_sane false, damaged list at get", "write after put at put",
                "write after put at get")),
    REPAIRED(write_skipping_link, "the address of a later free block over the link", "lost"),
    CRIME(write_link_beside_forged, "a link, and a block that is out looks free",
          KINDS_LISTED & ~KIND_ONE_WORD, 0, "forged",
          FOUND("damaged list, lost", "write after put", "write after put")),
    CRIME(write_key, "the second word of a free block", KINDS_KEYED, 0, NULL,
          FOUND("is_sane false", "write after put at put", "write after put at get")),
    CRIME(write_key_and_put, "the second word, then a put again", KINDS_PLAIN | KIND_EXTENDED, 0,
          NULL,
          FOUND("is_sane false, damaged list at get", "error, write after put, double put",
                "error, double put, write after put at get")),
    CRIME_AS(write_key_and_put_cached, write_key_and_put, "the same, the block being in a cache",
             KINDS_CACHED, 0, NULL,
             FOUND("is_sane false, corrupt", "error, write after put, double put",
                   "error, double put, write after put at get")),
    CRIME(write_middle, "the middle of a free block", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "write after put at get", "silent", "trap")),
    CRIME(write_last_byte, "the last byte of a free block", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "write after put at get", "silent", "trap")),
    CRIME(write_all_zero, "all of a free block with zeroes", KINDS_LISTED, 0, NULL,
          FOUND("is_sane false, damaged list at get, lost", "write after put at put",
                "write after put at get")),
    CRIME(write_all_ones, "all of a free block with ones", KINDS_LISTED, 0, NULL,
          FOUND("is_sane false, damaged list at get, lost", "write after put at put",
                "write after put at get")),
    CRIME(write_never_got, "all of a free block that was never out", KINDS_LISTED, 0, NULL,
          FOUND("is_sane false, damaged list at get, lost", "write after put at put",
                "write after put at get")),
    CRIME(write_after_clear, "a block from before a clear", KINDS_LISTED, 0, NULL,
          FOUND("is_sane false, damaged list at get, lost", "write after put at put",
                "write after put at get")),
    CRIME(read_stale, "a read of a free block", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "silent", "silent", "trap")),
    LIMIT(write_to_next_user, "a block that is out again, to somebody else", KINDS_KEYED, 0,
          ALWAYS("silent"),
          "the block is out, as it should be; that the writer is not the one who has it nobody can "
          "see. It is out again so soon because a get gives the block that was put last"),
    REPAIRED(overrun_by_one, "a byte too many, into a free block", "lost"),
    REPAIRED(overrun_by_word, "a word too many, into a free block", "lost"),
    CRIME(overrun_by_block, "a block too many, into a free block", KINDS_LISTED, 0, "link",
          FOUND("is_sane false, damaged list at get, lost", "write after put at put",
                "write after put at get")),
    CRIME(overrun_into_held, "a byte too many, into a block that is out", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "silent", "silent", "trap")),
    CRIME(overrun_of_last, "a byte too many, of the last block", KINDS_ALL, 0, NULL,
          ANSWERS("silent", "silent", "silent", "silent", "trap")),
    CRIME(underrun_by_one, "a byte before a block, into a free one", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "write after put at get", "silent", "underrun")),
    CRIME(underrun_of_first, "a byte before the first block", KINDS_KEYED, 0, NULL,
          ANSWERS("silent", "silent", "silent", "silent", "underrun")),
    CRIME(overrun_in_rounding, "a byte too many, within the rounding", KIND_SHARED, 0, NULL,
          ANSWERS("silent", "overrun", "overrun at put", "overrun", "overrun at put")),
    CRIME(overrun_then_clear, "the same, then a clear", KIND_SHARED, 0, NULL,
          ANSWERS("silent", "overrun", "overrun", "overrun", "overrun")),
    CRIME(overrun_then_end, "the same, then unregister", KIND_SHARED, 0, NULL,
          ANSWERS("silent", "overrun", "silent", "blocks out, overrun", "overrun")),
    {.name = NULL},
};
