/* SPDX-License-Identifier: Apache-2.0 */
/* The network: there is none, and no other family of sockets leads out. The suite listens on the host and says where.
 */
#include "attack.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int connect_host_loopback(void)
{
    const char *port = getenv("HOST_PORT");
    if (!port)
        return GAVE_UP;
    if (connect_to("127.0.0.1", atoi(port)) == 0 || connect_to("0.0.0.0", atoi(port)) == 0)
        return escaped("connected to the host");
    return HELD;
}

static int connect_outside(void)
{
    if (connect_to("169.254.169.254", 80) == 0)
        return escaped("reached the metadata address");
    return must_fail("reached the internet", connect_to("192.0.2.1", 443));
}

static int connect_abstract(void)
{
    const char *name = getenv("HOST_SOCKET");
    if (!name)
        return GAVE_UP;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path + 1, name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return must_fail("connected to an abstract socket of the host", connect(fd, (struct sockaddr *)&address, size));
}

static int odd_families(void)
{
    for (int family = 0; family < 50; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6)
            continue;
        for (int type = 1; type <= 5; type++) {
            if (socket(family, type, 0) < 0)
                continue;
            fprintf(stderr, "family %d type %d: ", family, type);
            return escaped("an odd socket");
        }
    }
    return HELD;
}

static int raw_sockets(void)
{
    if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || socket(AF_INET, SOCK_PACKET, 0) >= 0)
        return escaped("a raw socket");
    return must_fail("a raw socket of IPv6", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
}

static int no_interfaces(void)
{
    FILE *file = fopen("/proc/net/dev", "r");
    char line[500];
    int n = 0;
    while (file && fgets(line, sizeof line, file))
        n += strchr(line, ':') && !strstr(line, "lo:");
    if (n > 0)
        return escaped("there is an interface");
    return connect_to("127.0.0.1", 1) == 0 || errno != ENETUNREACH ? escaped("the loopback is up") : HELD;
}

const Attack network_attacks[] = {
    {"connect_host_loopback", connect_host_loopback, NULL},
    {"connect_outside", connect_outside, NULL},
    {"connect_abstract", connect_abstract, NULL},
    {"odd_families", odd_families, NULL},
    {"raw_sockets", raw_sockets, NULL},
    {"no_interfaces", no_interfaces, NULL},
    {NULL, NULL, NULL},
};
