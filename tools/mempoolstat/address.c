/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* A port: digits only, up to 65535. getaddrinfo() would take 65536 for 0. */
static bool
port_is_valid(const char *port)
{
    size_t length = strlen(port);

    return length > 0 && length <= 5 && port[strspn(port, "0123456789")] == '\0' &&
           strtol(port, NULL, 10) <= 65535;
}

/* IPv4 in full, which getaddrinfo() does not insist on, or what could be IPv6. */
static bool
host_is_plausible(const char *host)
{
    struct in_addr address;

    return strchr(host, ':') != NULL || inet_pton(AF_INET, host, &address) == 1;
}

static bool
address_resolve(const char *host, const char *port, struct address *address)
{
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found;

    if (!port_is_valid(port) || !host_is_plausible(host) ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        return false;
    }
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* Splits "[host]:port" or "host:port" at its colon; false if it is neither. */
static bool
address_split(char *text, char **host, char **port)
{
    char *bracket = strchr(text, ']');
    char *colon = strrchr(text, ':');

    if (text[0] != '[') {
        *host = text;
        *port = colon + 1;
        *colon = '\0';
        return strchr(text, ':') == NULL;
    }
    if (bracket == NULL || colon != bracket + 1) {
        return false;
    }
    *bracket = '\0';
    *host = text + 1;
    *port = colon + 1;
    /* Brackets mean IPv6. */
    return strchr(*host, ':') != NULL;
}

bool
address_read(const char *text, struct address *address)
{
    static char loopback[] = "127.0.0.1";
    char *copy = alloc_copy(text), *host = loopback, *port = copy;
    bool valid = strchr(text, ':') == NULL || address_split(copy, &host, &port);

    if (host[0] == '\0' && text[0] == ':') {
        host = loopback;
    }
    if (strcmp(host, "localhost") == 0) {
        host = loopback;
    }
    valid = valid && address_resolve(host, port, address);
    free(copy);
    return valid;
}

char *
address_format(const struct address *address)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool bracketed = address->storage.ss_family == AF_INET6;

    if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof(host),
                    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return alloc_copy("?");
    }
    return alloc_format(bracketed ? "[%s]:%s" : "%s:%s", host, port);
}
