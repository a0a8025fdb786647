/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h: addresses to listen at.
 */
#ifndef MEMPOOLSTAT_ADDRESS_H
#define MEMPOOLSTAT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t length; /* 0: none */
};

/**
 * Reads ADDR:PORT, where ADDR is an IPv4 address, an IPv6 address in brackets, or localhost. It may
 * be left out, with or without the colon: then it is 127.0.0.1. No name is looked up.
 *
 * @return  Whether it is one; if not, address is as it was.
 */
bool address_read(const char *text, struct address *address);

/** The same in words, as in a URL: a new string, to be freed. */
char *address_format(const struct address *address);

#endif
