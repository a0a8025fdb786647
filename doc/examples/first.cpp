/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first.cpp: a pool in C++: blocks that put themselves back, and objects made in them.
 */
#include <os_mempool.h>

#include <cstdio>
#include <memory>
#include <new>
#include <string>

namespace
{

struct Message {
    std::string text;
    int priority;
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

/* Empty while all four are in use. */
MessagePointer
make_message(const char *text, int priority)
{
    void *block = os_memblock_get(&pool);

    return MessagePointer(block != nullptr ? new (block) Message{text, priority} : nullptr);
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
    return pool.mp_num_free == 4 ? 0 : 1;
}
