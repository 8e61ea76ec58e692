/*
 * A local datagram from a process that wrote the journal to those that run the jobs: look now.
 * The master makes one pair of sockets for all of its children, whatever their generation. A
 * datagram says nothing else, and one that is lost costs only the time until the next look.
 */
#ifndef OTKLIK_NET_WAKE_H
#define OTKLIK_NET_WAKE_H

/* [0] is read by the jobs, [1] written by all; close-on-exec and non-blocking. 0, or
 * -OTK_UNAVAILABLE with errno. */
int wake_pair(int ends[2]);

/* Never blocks. Where the queue is full nothing is missed: the reader is woken already. */
void wake_send(int fd);

/* Takes all that wait; call when readable, before looking. */
void wake_clear(int fd);

/* The descriptor if it is a socket of ours that was inherited, else -1: an older master. */
int wake_inherited(int fd);

#endif
