/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/unseen.h"

#include <stddef.h>

/*
 * The general categories Cc, Cf, Zs, Zl and Zp, the property Default_Ignorable_Code_Point, and the
 * empty pattern of Braille. In order.
 */
static const struct {
    uint32_t first;
    uint32_t last;
} unseen_ranges[] = {
    {0x0000, 0x001f},   {0x007f, 0x00a0},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
    {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x1680, 0x1680},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},   {0x2028, 0x202f},
    {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool
unseen(uint32_t character)
{
    size_t low = 0;
    size_t high = sizeof(unseen_ranges) / sizeof(unseen_ranges[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (character > unseen_ranges[middle].last) {
            low = middle + 1;
        } else if (character < unseen_ranges[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}
