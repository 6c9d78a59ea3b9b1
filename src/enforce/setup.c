/* SPDX-License-Identifier: MIT */
#include "enforce/setup.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>

_Static_assert(CONF_TABLE_NAME_MAX == HELPER_TABLE_MAX, "a name that is valid here is valid there");
_Static_assert(CONF_INTERFACES_MAX == HELPER_INTERFACES_MAX, "room for all interfaces");
_Static_assert(CONF_INTERFACE_MAX == HELPER_INTERFACE_MAX, "room for the name of an interface");
_Static_assert(CONF_LISTENERS_MAX <= HELPER_PORTS_MAX, "room for the ports of all listeners");

static void add_port(struct helper_setup *s, bool tcp, uint16_t port)
{
	for (size_t i = 0; i < s->ports_n; i++)
		if (s->ports[i].tcp == tcp && s->ports[i].port == port)
			return;
	s->ports[s->ports_n++] = (struct helper_port){tcp, port};
}

static void add_interface(struct helper_setup *s, struct span name)
{
	for (size_t i = 0; i < s->interfaces_n; i++)
		if (span_eq(span_str(s->interfaces[i]), name))
			return;
	if (s->interfaces_n < HELPER_INTERFACES_MAX && name.n <= HELPER_INTERFACE_MAX)
		memcpy(s->interfaces[s->interfaces_n++], name.p, name.n);
}

/* Whether strangers come in by this address of this interface. */
static bool is_public(const struct conf *c, const struct ifaddrs *i, const struct addr *a)
{
	for (size_t k = 0; k < c->listeners_count; k++) {
		const struct conf_listener *l = &c->listeners[k];

		if (c->zones[l->zone].trust == CONF_TRUST_NONE &&
		    (addr_same_ip(&l->addr, a) ||
			(addr_is_unspecified(&l->addr) && !(i->ifa_flags & IFF_LOOPBACK))))
			return true;
	}
	return false;
}

/* The program of XDP reads nothing else. An interface with hardware addresses is in the list with
 * them; one without (a tunnel) is not. */
static bool is_ethernet(const struct ifaddrs *all, struct span name)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_ll hardware;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET ||
		    !span_eq(span_str(i->ifa_name), name))
			continue;
		memcpy(&hardware, i->ifa_addr, sizeof(hardware));
		return hardware.sll_hatype == ARPHRD_ETHER ||
		       hardware.sll_hatype == ARPHRD_LOOPBACK;
	}
	return false;
}

static void find_interfaces(const struct conf *c, struct helper_setup *s)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct span rest = span_str(i->ifa_name), name;
		struct addr a;

		span_cut(&rest, ':', &name); /* an address may have a label: eth0:1 */
		if (i->ifa_addr && (i->ifa_flags & IFF_UP) &&
		    addr_from_sockaddr(i->ifa_addr, &a) == OK && is_public(c, i, &a) &&
		    is_ethernet(all, name))
			add_interface(s, name);
	}
	freeifaddrs(all);
}

void enforce_setup(const struct conf *c, struct helper_setup *out_setup)
{
	const struct conf_enforcement *e = &c->enforcement;
	struct helper_setup *s = out_setup;

	memset(s, 0, sizeof(*s));
	if (e->where & CONF_ENFORCE_NFTABLES)
		s->wanted |= 1u << HELPER_NFTABLES;
	if (e->where & CONF_ENFORCE_XDP)
		s->wanted |= 1u << HELPER_XDP;
	memcpy(s->table, e->table.p, MIN(e->table.n, (size_t)HELPER_TABLE_MAX));
	s->all_ports = e->all_ports;
	for (size_t i = 0; i < c->listeners_count; i++)
		add_port(s, c->listeners[i].transport != TRANSPORT_UDP, c->listeners[i].addr.port);
	s->xdp_mode = (enum helper_xdp_mode)e->xdp_mode;
	for (size_t i = 0; i < e->interfaces_count; i++)
		add_interface(s, e->interfaces[i]);
	if ((e->where & CONF_ENFORCE_XDP) && !e->interfaces_count)
		find_interfaces(c, s);
}
