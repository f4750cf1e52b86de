// SPDX-License-Identifier: BSD-2-Clause
// The program's waits, where pending connections take part: poll(2), select(2), epoll_wait(2) and their kin.
//
// Each waits in the kernel for what the handshakes need, advances them in the waiting thread, and returns
// only what a direct connection would show. Timeouts run from the call on, whatever happens in between. The
// program's signals are blocked but for the kernel's waits, which are given its mask, so that each of its
// handlers runs, and interrupts, where it would in one call of libc's.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

#include "preload/leaf_lock.h"

namespace socksify {

// Whether a pending connection is among these descriptors, or an epoll set that may have one.
bool HasOurs(pollfd* fds, nfds_t count);
// Whether a pending connection may have a say in a wait for these descriptors. The fast path: no pending
// connection in the process.
bool ConcernsPending(pollfd* fds, nfds_t count);
bool ConcernsPending(int count, const fd_set* read, const fd_set* write, const fd_set* except);

// As ppoll(2), but `timeout` is left alone. A null mask is the thread's own.
int WaitPoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask);

// As pselect(2), but `left` gets the time that is left, if it is not null.
int WaitSelect(int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
               const sigset_t* mask, timespec* left);

// As epoll_pwait2(2), which need not exist while `timeout` is in whole milliseconds. For any set; costs a
// look at each event.
int WaitEpoll(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
              const sigset_t* mask);

// The same for a wait that has come back with `count` events: handshakes may have begun in the meantime. If
// all of them are theirs, the wait begins anew.
int FinishEpoll(int epoll_fd, epoll_event* events, int max_events, const timespec* timeout,
                const sigset_t* mask, int count);

// Whether an epoll set that the kernel calls readable is so for the program too: what its handshakes wait for
// does not count.
bool IsSetReadable(int epoll_fd, const SignalsBlocked& blocked);

}  // namespace socksify
