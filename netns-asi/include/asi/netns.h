/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hooks call of isolated network namespaces.
 *
 * A CPU acts for a namespace between the two ends of a bracket:
 *
 *	guard(netns_call)(sk);		a task's call; may sleep
 *	guard(netns_send)(sk, msg);	the same, which sends; counts what became private
 *	guard(netns_acting)(net);	work in any context but hard interrupts and NMI
 *
 * An accessor is a function that rightly reads or writes payload:
 *
 *	guard(netns_payload)();
 *
 * Until it returns, the payload of the namespace that the CPU acts for can be reached, and
 * nobody else's.  NOPs unless booted with netns_asi=on.
 */
#ifndef ASI_NETNS_H
#define ASI_NETNS_H

#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/types.h>
#include <asi/hooks.h>
#include <asi/private.h>

struct file;
struct msghdr;
struct net;
struct net_device;
struct netns_owner;
struct netns_task;
struct page_frag;
struct poll_table_struct;
struct sk_buff;
struct sock;
struct task_struct;

/* Of net/sock.h and linux/skbuff.h, which comes by here first. */
bool sk_page_frag_refill(struct sock *sk, struct page_frag *pfrag);
struct sk_buff *alloc_skb_with_frags(unsigned long header_len, unsigned long data_len,
				     int order, int *errcode, gfp_t gfp_mask);

#ifdef CONFIG_NET_NS_ISOLATION

DECLARE_STATIC_KEY_FALSE(netns_asi_key);
#define netns_asi_on()	static_branch_unlikely(&netns_asi_key)

/* ---- Brackets ---------------------------------------------------------- */

struct netns_acting {
	struct netns_owner *before;
	struct netns_task *task;	/* what the call uses */
	bool set;		/* there is something to be put back */
};

void __netns_begin(struct netns_acting *acting, const struct net *net);
void __netns_begin_call(struct netns_acting *acting, const struct sock *sk);
void __netns_end(const struct netns_acting *acting);
void __netns_end_call(const struct netns_acting *acting);

typedef struct netns_acting class_netns_acting_t;

static __always_inline class_netns_acting_t class_netns_acting_constructor(const struct net *net)
{
	struct netns_acting acting = { };

	if (netns_asi_on())
		__netns_begin(&acting, net);
	return acting;
}

static __always_inline void class_netns_acting_destructor(const class_netns_acting_t *acting)
{
	if (netns_asi_on() && acting->set)
		__netns_end(acting);
}

typedef struct netns_acting class_netns_call_t;

static __always_inline class_netns_call_t class_netns_call_constructor(const struct sock *sk)
{
	struct netns_acting acting = { };

	if (netns_asi_on())
		__netns_begin_call(&acting, sk);
	return acting;
}

static __always_inline void class_netns_call_destructor(const class_netns_call_t *acting)
{
	if (netns_asi_on())
		__netns_end_call(acting);
}

struct netns_sending {
	struct netns_acting acting;
	const struct sock *sk;
	struct msghdr *msg;
	size_t left;		/* bytes of the message, before */
	u64 made;		/* of the task's record, before */
};

void __netns_begin_send(struct netns_sending *sending, const struct sock *sk,
			struct msghdr *msg);
void __netns_end_send(const struct netns_sending *sending);

typedef struct netns_sending class_netns_send_t;

static __always_inline class_netns_send_t class_netns_send_constructor(const struct sock *sk,
								       struct msghdr *msg)
{
	struct netns_sending sending;

	sending.acting = (struct netns_acting){ };
	if (netns_asi_on())
		__netns_begin_send(&sending, sk, msg);
	return sending;
}

static __always_inline void class_netns_send_destructor(const class_netns_send_t *sending)
{
	if (netns_asi_on())
		__netns_end_send(sending);
}

/* ---- Accessors --------------------------------------------------------- */

enum netns_access_how {
	NETNS_OUTSIDE,		/* the CPU acts for nobody */
	NETNS_NESTED,		/* asi_nest() */
	NETNS_VISIT,		/* asi_visit() */
};

struct netns_access {
	struct asi_nest nest;
	struct netns_owner *owner;
	u8 how;			/* enum netns_access_how */
};

void __netns_open(struct netns_access *access);
void __netns_close(const struct netns_access *access);

typedef struct netns_access class_netns_payload_t;

static __always_inline class_netns_payload_t class_netns_payload_constructor(void)
{
	struct netns_access access;

	access.how = NETNS_OUTSIDE;
	if (netns_asi_on())
		__netns_open(&access);
	return access;
}

static __always_inline void class_netns_payload_destructor(const class_netns_payload_t *access)
{
	if (netns_asi_on() && access->how != NETNS_OUTSIDE)
		__netns_close(access);
}

/* ---- Private payload --------------------------------------------------- */

struct page_frag *__netns_page_frag(struct sock *sk, struct page_frag *other);
bool __netns_is_private_frag(const struct page_frag *pfrag);
bool __netns_frag_refill(struct sock *sk, struct page_frag *pfrag);
int __netns_append_refill(struct page_frag *pfrag);
int __netns_raw_from_msg(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len);
bool __netns_packet(const struct sock *sk, size_t len, size_t linear);
size_t __netns_unix_len(const struct sock *sk, const struct sock *peer, size_t len,
			size_t data_len);
bool __netns_takes(const struct sock *sk, size_t data_len);
struct sk_buff *__netns_alloc_skb(struct sock *sk, size_t header_len, size_t data_len,
				  long timeo, int *err);
__poll_t __netns_poll(struct file *file, const struct sock *sk, struct poll_table_struct *wait,
		      __poll_t mask);
bool __netns_has_private(const struct sk_buff *skb);
int __netns_copy_private(struct sk_buff *skb, gfp_t gfp);
int __netns_copy_or_free(struct sk_buff *skb);
int __netns_leave(struct sk_buff *skb, const struct net_device *dev);
int __netns_border(struct sk_buff *skb, const struct net_device *dev);
void __netns_free_task(struct task_struct *task);

/* Where a socket's next payload goes: the task's private fragment, or @other. */
static __always_inline struct page_frag *netns_page_frag(struct sock *sk,
							 struct page_frag *other)
{
	return netns_asi_on() ? __netns_page_frag(sk, other) : other;
}

/* Is it one of the running task's private fragments? */
static __always_inline bool netns_is_private_frag(const struct page_frag *pfrag)
{
	return netns_asi_on() && __netns_is_private_frag(pfrag);
}

/* sk_page_frag_refill() for such a fragment. */
static __always_inline bool netns_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	return netns_is_private_frag(pfrag) ? __netns_frag_refill(sk, pfrag) :
					      sk_page_frag_refill(sk, pfrag);
}

/*
 * The same for datagrams; waits as long as the call may.  Return: 0, -ENOMEM, -EAGAIN, or
 * what an interrupted call returns.
 */
static __always_inline int netns_append_refill(struct sock *sk, struct page_frag *pfrag)
{
	if (netns_is_private_frag(pfrag))
		return __netns_append_refill(pfrag);
	return sk_page_frag_refill(sk, pfrag) ? 0 : -ENOMEM;
}

/*
 * memcpy_from_msg() to the network header of @skb, which has room for all @len bytes;
 * private, but for the header.  A macro: struct sk_buff is not known here.
 */
#define netns_raw_from_msg(sk, skb, msg, len)					\
	(netns_asi_on() ? __netns_raw_from_msg(sk, skb, msg, len) :		\
			  memcpy_from_msg(skb_network_header(skb), msg, len))

/* Is a packet socket's packet private, but for its first @linear bytes? */
static __always_inline bool netns_packet(const struct sock *sk, size_t len, size_t linear)
{
	return netns_asi_on() && __netns_packet(sk, len, linear);
}

/* How many bytes of a message from @sk to @peer go into fragments: all, if private. */
static __always_inline size_t netns_unix_len(const struct sock *sk, const struct sock *peer,
					     size_t len, size_t data_len)
{
	return netns_asi_on() ? __netns_unix_len(sk, peer, len, data_len) : data_len;
}

/*
 * alloc_skb_with_frags(); private, where netns_unix_len() or netns_packet() said so.  May
 * wait, @timeo long.
 */
static __always_inline struct sk_buff *
netns_alloc_skb(struct sock *sk, long timeo, unsigned long header_len, unsigned long data_len,
		int order, int *err, gfp_t gfp)
{
	return netns_asi_on() && __netns_takes(sk, data_len) ?
		       __netns_alloc_skb(sk, header_len, data_len, timeo, err) :
		       alloc_skb_with_frags(header_len, data_len, order, err, gfp);
}

/*
 * What poll() says of a socket: not writable while its namespace is without a piece of
 * private memory; whoever waits is woken when there is one.
 */
static __always_inline __poll_t netns_poll(struct file *file, const struct sock *sk,
					   struct poll_table_struct *wait, __poll_t mask)
{
	return netns_asi_on() ? __netns_poll(file, sk, wait, mask) : mask;
}

/* Is some payload private?  Any context. */
static __always_inline bool netns_private(const struct sk_buff *skb)
{
	return netns_asi_on() && __netns_has_private(skb);
}

/*
 * Private payload becomes ordinary, for somebody who reads it without an accessor.  The
 * caller owns @skb.  Context: as @gfp says.  Return: 0, -ENOMEM, or -EACCES: it is
 * another namespace's than the one the CPU acts for.
 */
static __always_inline int netns_copy(struct sk_buff *skb, gfp_t gfp)
{
	return netns_asi_on() ? __netns_copy_private(skb, gfp) : 0;
}

/* The same; @skb is freed on failure. */
static __always_inline int netns_copy_or_free(struct sk_buff *skb)
{
	return netns_asi_on() ? __netns_copy_or_free(skb) : 0;
}

/* @skb is about to leave by @dev: the same as netns_copy(), except on loopback. */
static __always_inline int netns_leave(struct sk_buff *skb, const struct net_device *dev)
{
	return netns_asi_on() ? __netns_leave(skb, dev) : 0;
}

/* The same; @skb is freed on failure.  Return: 0, or NET_XMIT_DROP. */
static __always_inline int netns_border(struct sk_buff *skb, const struct net_device *dev)
{
	return netns_asi_on() ? __netns_border(skb, dev) : 0;
}

/* A task_struct is about to be freed.  Any context but NMI. */
static __always_inline void netns_free_task(struct task_struct *task)
{
	if (netns_asi_on())
		__netns_free_task(task);
}

#else

typedef struct { } class_netns_acting_t;
typedef struct { } class_netns_call_t;
typedef struct { } class_netns_send_t;
typedef struct { } class_netns_payload_t;

static __always_inline class_netns_acting_t class_netns_acting_constructor(const struct net *net)
{
	return (class_netns_acting_t){ };
}

static __always_inline void class_netns_acting_destructor(const class_netns_acting_t *a) { }

static __always_inline class_netns_call_t class_netns_call_constructor(const struct sock *sk)
{
	return (class_netns_call_t){ };
}

static __always_inline void class_netns_call_destructor(const class_netns_call_t *a) { }

static __always_inline class_netns_send_t class_netns_send_constructor(const struct sock *sk,
								       struct msghdr *msg)
{
	return (class_netns_send_t){ };
}

static __always_inline void class_netns_send_destructor(const class_netns_send_t *s) { }

static __always_inline class_netns_payload_t class_netns_payload_constructor(void)
{
	return (class_netns_payload_t){ };
}

static __always_inline void class_netns_payload_destructor(const class_netns_payload_t *a) { }

static __always_inline struct page_frag *netns_page_frag(struct sock *sk,
							 struct page_frag *other)
{
	return other;
}

static __always_inline bool netns_is_private_frag(const struct page_frag *pfrag)
{
	return false;
}

static __always_inline int netns_append_refill(struct sock *sk, struct page_frag *pfrag)
{
	return sk_page_frag_refill(sk, pfrag) ? 0 : -ENOMEM;
}

#define netns_raw_from_msg(sk, skb, msg, len)	\
	memcpy_from_msg(skb_network_header(skb), msg, len)

static __always_inline bool netns_packet(const struct sock *sk, size_t len, size_t linear)
{
	return false;
}

static __always_inline __poll_t netns_poll(struct file *file, const struct sock *sk,
					   struct poll_table_struct *wait, __poll_t mask)
{
	return mask;
}

static __always_inline bool netns_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	return sk_page_frag_refill(sk, pfrag);
}

static __always_inline size_t netns_unix_len(const struct sock *sk, const struct sock *peer,
					     size_t len, size_t data_len)
{
	return data_len;
}

static __always_inline struct sk_buff *
netns_alloc_skb(struct sock *sk, long timeo, unsigned long header_len, unsigned long data_len,
		int order, int *err, gfp_t gfp)
{
	return alloc_skb_with_frags(header_len, data_len, order, err, gfp);
}

static __always_inline bool netns_private(const struct sk_buff *skb) { return false; }
static __always_inline int netns_copy(struct sk_buff *skb, gfp_t gfp) { return 0; }
static __always_inline int netns_copy_or_free(struct sk_buff *skb) { return 0; }
static __always_inline int netns_leave(struct sk_buff *skb, const struct net_device *dev)
{
	return 0;
}

static __always_inline int netns_border(struct sk_buff *skb, const struct net_device *dev)
{
	return 0;
}

static __always_inline void netns_free_task(struct task_struct *task) { }

#endif /* CONFIG_NET_NS_ISOLATION */
#endif /* ASI_NETNS_H */
