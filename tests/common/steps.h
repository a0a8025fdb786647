/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h: a thread that goes on instruction by instruction: the processor's trap flag makes a
 * SIGTRAP of each. On x86-64 only.
 */
#ifndef OSMP_TESTS_STEPS_H
#define OSMP_TESTS_STEPS_H

#include <stdbool.h>
#include <ucontext.h>

#if defined(__x86_64__) && defined(__LP64__)
static const bool steps_are_had = true;

/* EFLAGS.TF, below the red zone; the trap comes after the instruction behind it. */
static void
trap_flag_set(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void
trap_flag_clear(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void
trap_flag_clear_in(void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}
#else
static const bool steps_are_had = false;

static void
trap_flag_set(void)
{
}

static void
trap_flag_clear(void)
{
}

static void
trap_flag_clear_in(void *context)
{
}
#endif

#endif
