/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first.cpp: a pool in C++: blocks that put themselves back, and objects made in them, also by a
 * constructor that throws.
 */
#include <os_mempool.h>

#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace
{

struct Message {
    std::string text;
    int priority;

    Message(const char *words, int urgency) : text(words), priority(urgency)
    {
        if (urgency < 0) {
            throw std::invalid_argument("a priority is not negative");
        }
    }
};

static_assert(alignof(Message) <= OS_ALIGNMENT, "blocks are aligned enough");

os_membuf_t buffer[OS_MEMPOOL_SIZE(4, sizeof(Message))];
os_mempool pool;

struct PutBack {
    void
    operator()(Message *message) const
    {
        message->~Message();
        os_memblock_put(&pool, message);
    }
};

using MessagePointer = std::unique_ptr<Message, PutBack>;

/* For a block without an object, as it is left by a constructor that throws. */
struct PutBlock {
    void
    operator()(void *block) const
    {
        os_memblock_put(&pool, block);
    }
};

/* Empty while all four are in use. */
MessagePointer
make_message(const char *text, int priority)
{
    std::unique_ptr<void, PutBlock> block(os_memblock_get(&pool));
    MessagePointer message;

    if (block) {
        message.reset(new (block.get()) Message(text, priority));
        block.release();
    }
    return message;
}

/* Whether a message of this priority can be made. */
bool
is_possible(int priority)
{
    try {
        return make_message("never seen", priority) != nullptr;
    } catch (const std::invalid_argument &) {
        return false;
    }
}

} // namespace

int
main()
{
    if (os_mempool_init(&pool, 4, sizeof(Message), buffer, "messages") != OS_OK) {
        return 1;
    }
    {
        MessagePointer message = make_message("blocks put themselves back", 1);

        if (!message) {
            return 1;
        }
        std::printf("%s; now %u of %u are free\n", message->text.c_str(), pool.mp_num_free,
                    pool.mp_num_blocks);
    }
    std::printf("and now %u\n", pool.mp_num_free);
    for (int i = 0; i < 4; i++) {
        if (is_possible(-1)) {
            return 1;
        }
    }
    std::printf("still %u, after constructors that threw\n", pool.mp_num_free);
    return pool.mp_num_free == 4 ? 0 : 1;
}
